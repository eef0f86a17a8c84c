/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * MESSAGE_ID of the journal's copies, one for each class of record, explained in systemd/bpfwarden.catalog
 * (journalctl -x). They never change: people filter by them.
 */
#define AUDIT_MESSAGE_DECISION_ALLOW "c227301854954149aaa86562be6704c9"
#define AUDIT_MESSAGE_DECISION_DENY  "256b0ef8101545adbd3525cb52675290"
#define AUDIT_MESSAGE_OUTCOME_OK     "d1ef0c0dbf06485b81500c62a9185174"
#define AUDIT_MESSAGE_OUTCOME_FAILED "c8f86e2455284165ae87f0a79661f824"
#define AUDIT_MESSAGE_CHANGE_OK      "278b2cceeb834dcaaa5c30dd57c36974"
#define AUDIT_MESSAGE_CHANGE_FAILED  "3076c73663bc452eb8b54672162a0c8e"
#define AUDIT_MESSAGE_START          "e10871ddb50a489691ebfd8a235ac641"
#define AUDIT_MESSAGE_STOP           "7b9f7821679c451baa6d704f6216c921"
#define AUDIT_MESSAGE_CRASH          "8ed8f5b05671486f80fafd66601bf20a"
#define AUDIT_MESSAGE_READ           "bd6d176cd0a74a2799a111cab14f7f87"
#define AUDIT_MESSAGE_DENIALS        "8817c78798d14b288b14ce3674d347eb"
#define AUDIT_MESSAGE_END_OK         "6f378dc651064f3398e410c3646f6cd7"
#define AUDIT_MESSAGE_END_FAILED     "458a5ec7190a4bb3a52f42198e76f2f5"
#define AUDIT_MESSAGE_CHECKPOINT     "60cb3fdaa2e04c8797569716a9458a09"
#define AUDIT_MESSAGE_BEGUN_ANEW     "77b01c607f8e46a89a1e16632560352b"
