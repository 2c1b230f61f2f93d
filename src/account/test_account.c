/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts of a device: one process's slot, dead ones, and files that must not be
 * believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "account/account.h"
#include "account/file.h"

#define MIB ((uint64_t)1 << 20)

static char folder[] = P_tmpdir "/vgpu-account-XXXXXX";
static const uint8_t uuid[16] = {
    0xab, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
};

static void
name_file(uid_t user, char *out, size_t size)
{
    char prefix[48];

    vg_account_prefix(uuid, prefix);
    snprintf(out, size, "%s/%s%u", folder, prefix, (unsigned)user);
}

static int
in_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || setenv("VGPU_ACCOUNTS", folder, 1) != 0;
}

static int
remove_folder(void **state)
{
    char path[200];

    (void)state;
    name_file(geteuid(), path, sizeof(path));
    unlink(path);
    name_file(geteuid() + 1, path, sizeof(path));
    unlink(path);
    return rmdir(folder);
}

/* Runs @what in a process of its own that may keep static state. */
static int
in_process(int (*what)(void))
{
    int status = 0;
    const pid_t pid = fork();

    if (pid == 0) {
        _exit(what());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define NEED(condition)                \
    do {                               \
        if (!(condition)) {            \
            return __LINE__ % 251 + 1; \
        }                              \
    } while (0)

static int
use_it(void)
{
    struct vg_account_use use[4];
    uint64_t total = 100 * MIB;

    vg_account_open(uuid, &total, true);
    NEED(total == 100 * MIB);
    NEED(vg_account_read(uuid, use, 4) == 0); /* looking is no use */
    vg_account_join(0);
    NEED(vg_account_read(uuid, use, 4) == 1);
    NEED(use[0].pid == getpid() && use[0].used == 0 && use[0].busy_ns == 0);
    NEED(vg_account_set_used(60 * MIB));
    NEED(!vg_account_set_used(101 * MIB));
    NEED(vg_account_read(uuid, use, 4) == 1 && use[0].used == 60 * MIB);
    NEED(vg_account_others() == 0);
    vg_account_set_busy(true);
    const uint64_t begin = vg_account_now();
    while (vg_account_now() - begin < 2000000) {
    }
    NEED(vg_account_read(uuid, use, 4) == 1 && use[0].busy_ns >= 2000000);
    vg_account_set_busy(false);
    NEED(vg_account_read(uuid, use, 4) == 1 && use[0].busy_ns >= 2000000);
    NEED(use[0].busy_ns <= use[0].window_ns && use[0].last_us != 0);
    vg_account_leave();
    NEED(vg_account_read(uuid, NULL, 0) == 0);
    return 0;
}

static void
a_process_has_a_slot(void **state)
{
    (void)state;
    assert_int_equal(in_process(use_it), 0);
}

static int
claim_and_end(void)
{
    uint64_t total = 100 * MIB;

    vg_account_open(uuid, &total, true);
    vg_account_join(0);
    return vg_account_set_used(70 * MIB) ? 0 : 1;
}

static int
meet_another(void)
{
    uint64_t total = 100 * MIB;
    int go[2], done[2];
    char c = 0;

    NEED(pipe(go) == 0 && pipe(done) == 0);
    const pid_t pid = fork();
    if (pid == 0) {
        (void)!write(done[1], claim_and_end() == 0 ? "k" : "b", 1);
        (void)!read(go[0], &c, 1);
        _exit(0);
    }
    NEED(read(done[0], &c, 1) == 1 && c == 'k');
    vg_account_open(uuid, &total, true);
    vg_account_join(4711); /* for somebody else */
    NEED(vg_account_others() == 70 * MIB);
    NEED(!vg_account_set_used(31 * MIB));
    NEED(vg_account_set_used(30 * MIB));
    struct vg_account_use use[4];
    NEED(vg_account_read(uuid, use, 4) == 2);
    NEED(use[0].pid == pid && use[1].pid == 4711);
    NEED(kill(pid, SIGKILL) == 0);
    /* a zombie counts no longer */
    siginfo_t info;
    NEED(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    NEED(vg_account_others() == 0);
    NEED(vg_account_set_used(100 * MIB));
    (void)waitpid(pid, NULL, 0);
    return 0;
}

static void
processes_share_a_device(void **state)
{
    (void)state;
    assert_int_equal(in_process(meet_another), 0);
    assert_int_equal(in_process(claim_and_end), 0); /* its slot stays behind */
    assert_int_equal(vg_account_read(uuid, NULL, 0), 0);
}

static int
agree_on_size(void)
{
    uint64_t total = 90 * MIB;

    vg_account_open(uuid, &total, false);
    return total == 80 * MIB ? 0 : total == 90 * MIB ? 1 : 2;
}

static int
set_size(void)
{
    uint64_t total = 80 * MIB;

    vg_account_open(uuid, &total, false);
    return total == 80 * MIB ? 0 : 1;
}

static int
far_off(void)
{
    uint64_t total = 4000 * MIB;

    vg_account_open(uuid, &total, false);
    return total == 4000 * MIB ? 0 : 1;
}

static void
the_size_is_agreed(void **state)
{
    char path[200];

    (void)state;
    name_file(geteuid(), path, sizeof(path));
    unlink(path);
    assert_int_equal(in_process(set_size), 0);
    assert_int_equal(in_process(agree_on_size), 0);
    assert_int_equal(in_process(far_off), 0); /* nobody uses it: the new size counts */
}

/* Writes a file that claims that init uses the device. */
static void
plant(const char *path, mode_t mode, uint64_t used, int32_t owner, uint64_t start)
{
    struct vg_account_file file = { .head = { .magic = VG_ACCOUNT_MAGIC } };
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    file.slots[3] = (struct vg_account_slot){ .state = 1,
                                              .owner = owner,
                                              .client = owner,
                                              .owner_start = start,
                                              .space = vg_account_space(),
                                              .used = used };
    assert_true(fd >= 0);
    assert_int_equal(write(fd, &file, sizeof(file)), sizeof(file));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void
planted_files_are_not_believed(void **state)
{
    char path[200], other[200];
    uint64_t start = 0;

    (void)state;
    name_file(geteuid(), path, sizeof(path));
    name_file(geteuid() + 1, other, sizeof(other));
    assert_true(vg_account_process(getpid(), geteuid(), &start));
    unlink(path);
    plant(path, 0644, MIB, getpid(), start);
    assert_int_equal(vg_account_read(uuid, NULL, 0), 1);
    plant(path, 0644, MIB, getpid(), start + 1); /* the number was used again */
    assert_int_equal(vg_account_read(uuid, NULL, 0), 0);
    plant(path, 0644, UINT64_MAX, getpid(), start); /* more than any device has */
    assert_int_equal(vg_account_read(uuid, NULL, 0), 0);
    plant(path, 0644, MIB, -1, start);
    assert_int_equal(vg_account_read(uuid, NULL, 0), 0);
    plant(path, 0666, MIB, getpid(), start); /* anybody could have written it */
    assert_int_equal(vg_account_read(uuid, NULL, 0), 0);
    plant(other, 0644, MIB, getpid(), start); /* another user's name on ours */
    assert_int_equal(vg_account_read(uuid, NULL, 0), 0);
    unlink(other);
    unlink(path);
    plant(other, 0644, MIB, getpid(), start);
    assert_int_equal(symlink(other, path), 0);
    assert_int_equal(vg_account_read(uuid, NULL, 0), 0);
    unlink(path);
    assert_int_equal(link(other, path), 0); /* two names */
    assert_int_equal(vg_account_read(uuid, NULL, 0), 0);
    unlink(other);
    assert_int_equal(vg_account_read(uuid, NULL, 0), 1);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(vg_account_read(uuid, NULL, 0), 0);
    unlink(path);
}

static int
without_folder(void)
{
    uint64_t total = 10 * MIB;

    NEED(setenv("VGPU_ACCOUNTS", "none", 1) == 0);
    vg_account_open(uuid, &total, false);
    vg_account_join(0);
    NEED(vg_account_set_used(5 * MIB));
    NEED(vg_account_others() == 0 && vg_account_read(uuid, NULL, 0) == 0);
    vg_account_set_busy(true);
    vg_account_set_busy(false);
    vg_account_leave();
    return 0;
}

static void
works_without_a_folder(void **state)
{
    (void)state;
    assert_int_equal(in_process(without_folder), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_has_a_slot),
        cmocka_unit_test(processes_share_a_device),
        cmocka_unit_test(the_size_is_agreed),
        cmocka_unit_test(planted_files_are_not_believed),
        cmocka_unit_test(works_without_a_folder),
    };

    return cmocka_run_group_tests(tests, in_folder, remove_folder);
}
