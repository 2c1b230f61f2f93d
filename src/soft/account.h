/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * account - the software GPU's part in the accounts of the device (account/account.h): a
 * process has a slot while it has a context.
 */

#include <stdint.h>

/* Opens the accounts. Return: the device's memory, on which processes agree. */
uint64_t vg_soft_account_open(const char uuid[16]);

/* A context begins or has ended. Driver lock held. */
void vg_soft_account_context(int change);
