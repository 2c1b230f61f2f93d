/* SPDX-License-Identifier: Apache-2.0 */
/* device_printf - printf of kernels comes out on stdout at the next synchronising call.
 */
#include <unistd.h>

#include "check.cuh"

__global__ void
speak(int n)
{
    if (threadIdx.x == 0) {
        printf("block %d of %d: %s %c %5.2f %lld %u %x %%\n", blockIdx.x, n, "text", 'z',
               1.5f + blockIdx.x, -1234567890123ll, 4000000000u, 255);
    }
}

__global__ void
speak_by_thread(void)
{
    printf("%d\n", (int)threadIdx.x);
}

/* Runs @work with stdout in a file and reads what came out. */
static size_t
capture(void (*work)(void), char *text, size_t size)
{
    FILE *file = tmpfile();
    int saved = dup(1);
    size_t length;

    EXPECT(file != nullptr && saved >= 0);
    fflush(stdout);
    dup2(fileno(file), 1);
    work();
    fflush(stdout);
    dup2(saved, 1);
    close(saved);
    rewind(file);
    length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    fclose(file);
    return length;
}

static void
three_blocks(void)
{
    speak<<<3, 32>>>(3);
    CHECK(cudaDeviceSynchronize());
}

static void
many_threads(void)
{
    speak_by_thread<<<1, 64>>>();
    CHECK(cudaDeviceSynchronize());
}

int
main()
{
    static char text[65536];
    int seen[64] = {};

    CHECK(cudaFree(nullptr));
    capture(three_blocks, text, sizeof(text));
    for (int block = 0; block < 3; block++) {
        char line[128];
        snprintf(line, sizeof(line),
                 "block %d of 3: text z %5.2f -1234567890123 4000000000 "
                 "ff %%\n",
                 block, 1.5 + block);
        EXPECT(strstr(text, line) != nullptr);
    }
    capture(many_threads, text, sizeof(text));
    for (char *line = strtok(text, "\n"); line != nullptr; line = strtok(nullptr, "\n")) {
        int value = atoi(line);
        EXPECT(value >= 0 && value < 64);
        seen[value]++;
    }
    for (int i = 0; i < 64; i++) {
        EXPECT(seen[i] == 1);
    }
    return pass();
}
