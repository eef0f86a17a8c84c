/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Inherited listening socket of this name (sd_listen_fds_with_names(3)), made close-on-exec and non-blocking;
 * -ENOENT if the process was started without it. */
int listen_find(const char *name);
