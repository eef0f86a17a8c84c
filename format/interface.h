/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The Varlink interfaces as data: format/interfaces/ is compiled into the daemon, which answers
 * GetInterfaceDescription with these bytes.
 */
#include <stddef.h>

struct interface {
	const char *name; /* "io.bpfwarden.Probe" */
	const char *description;
};

extern const struct interface interfaces[]; /* by name, ascending */
extern const size_t n_interfaces;
