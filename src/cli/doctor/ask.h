/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ask - asks libcuda and NVML for their device, in a child, within a time.
 *
 * How far the child came is seen even when it hangs or dies.
 */

#include <stdbool.h>
#include <stdint.h>

enum vg_ask_step {
    VG_ASK_LOAD,    /* loading libcuda */
    VG_ASK_VERSION, /* cuDriverGetVersion before cuInit */
    VG_ASK_INIT,    /* cuInit */
    VG_ASK_DEVICE,  /* the device's facts */
    VG_ASK_CONTEXT, /* a context and its memory */
    VG_ASK_NVML,    /* the same of NVML */
    VG_ASK_DONE,
};

struct vg_answer {
    enum vg_ask_step step; /* where it stands, or stopped */
    int status;            /* CUDA's or NVML's result at that step */
    bool timed_out;
    int signal; /* that ended the child, 0 if none */
    char text[512];
    int version, count, major, minor, integrated, bad_attribute;
    unsigned long long total, free_bytes, context_total;
    unsigned char uuid[16];
    char uuid_text[64], name[256], pci[64];
    unsigned long init_ms, refresh_ms;
    bool has_nvml;
    int nvml_status;
    char nvml_driver[96], nvml_uuid[96], nvml_pci[32];
    unsigned long long nvml_total;
};

/* @nvml may be NULL. @environment is the child's. */
void vg_ask(const char *cuda, const char *nvml, char **environment, const char *endpoint,
            unsigned budget_s, struct vg_answer *out);

/* The clock of its times, of no fixed beginning. */
unsigned long vg_ask_now_ms(void);
