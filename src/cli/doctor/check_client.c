/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor/doctor.h"
const struct vg_check vg_checks_client[] = { { NULL, NULL, NULL } };
const struct vg_check vg_checks_process[] = { { NULL, NULL, NULL } };
