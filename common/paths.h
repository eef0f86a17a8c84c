/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where things are on disk; the build decides (meson: prefix, sysconfdir, localstatedir, rundir). */
#define PATH_BUNDLES       BPFWARDEN_LIBDIR "/bundles" /* shipped, unpacked, count as enrolled */
#define PATH_TRUST_LIB     BPFWARDEN_LIBDIR "/trust"
#define PATH_TRUST_RUN     BPFWARDEN_RUNDIR "/trust"
#define PATH_TRUST_ETC     BPFWARDEN_SYSCONFDIR "/trust"
#define PATH_POLICY_LIB    BPFWARDEN_LIBDIR "/policy.d"
#define PATH_POLICY_RUN    BPFWARDEN_RUNDIR "/policy.d"
#define PATH_POLICY_ETC    BPFWARDEN_SYSCONFDIR "/policy.d"
#define PATH_CONF_LIB      BPFWARDEN_LIBDIR "/bpfwarden.conf"
#define PATH_CONF_RUN      BPFWARDEN_RUNDIR "/bpfwarden.conf"
#define PATH_CONF_ETC      BPFWARDEN_SYSCONFDIR "/bpfwarden.conf"
#define PATH_ANCHOR_HOOKS  BPFWARDEN_SYSCONFDIR "/anchor.d"
#define PATH_STATE         BPFWARDEN_STATEDIR
#define PATH_REGISTRY      BPFWARDEN_STATEDIR "/registry"
#define PATH_REVOKED       BPFWARDEN_STATEDIR "/revoked"
#define PATH_AUDIT         BPFWARDEN_STATEDIR "/audit"
#define PATH_RUNTIME       BPFWARDEN_RUNDIR
#define PATH_PUBLISHED     BPFWARDEN_RUNDIR "/audit" /* the warden's; PATH_RUNTIME stays root's */
#define PATH_CHECKPOINT    PATH_PUBLISHED "/checkpoint"
#define PATH_CLIENT_SOCKET BPFWARDEN_RUNDIR "/io.bpfwarden"
