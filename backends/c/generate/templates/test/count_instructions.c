/* A plugin of qemu in user mode: writes how many instructions a program ran into the file that its argument names.
 *
 *     gcc -std=c99 -O2 -shared -fPIC count_instructions.c -o count_instructions.so
 *     qemu-arm -plugin ./count_instructions.so,out=count.txt PROGRAM
 *
 * Debian's qemu-user loads plugins and has no header for them, so what is used of qemu-plugin.h is declared here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_info_t;
typedef uint64_t plugin_id_t;

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id_t id, void (*translated)(plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(
    struct qemu_plugin_tb *block, void (*run)(unsigned int, void *), int flags, void *data);
void qemu_plugin_register_atexit_cb(plugin_id_t id, void (*ended)(plugin_id_t, void *), void *data);

/* Of the plugin interface: 1 up to qemu 8.1, 2 from then on. qemu reads it after it has loaded the plugin. */
EXPORTED int qemu_plugin_version = 1;

static uint64_t instructions;
static char path[4096] = "count.txt";

static __attribute__((constructor)) void take_version(void)
{
    if (dlsym(RTLD_DEFAULT, "qemu_plugin_scoreboard_new"))
        qemu_plugin_version = 2;
}

static void run(unsigned int processor, void *count)
{
    (void)processor;
    instructions += (uint64_t)(uintptr_t)count;
}

static void translated(plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(block, run, 0, (void *)(uintptr_t)qemu_plugin_tb_n_insns(block));
}

static void ended(plugin_id_t id, void *data)
{
    FILE *file = fopen(path, "w");
    (void)id;
    (void)data;
    if (file) {
        fprintf(file, "%" PRIu64 "\n", instructions);
        fclose(file);
    }
}

EXPORTED int qemu_plugin_install(plugin_id_t id, const struct qemu_info_t *info, int count, char **words)
{
    (void)info;
    if (count == 1 && strncmp(words[0], "out=", 4) == 0)
        snprintf(path, sizeof path, "%s", words[0] + 4);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
