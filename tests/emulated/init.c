// The first and only process of the emulated machine: runs test programs, then stops the machine.
//   init OPTION|PROGRAM...   options go to every program; programs stand in /
// What names no program is a kernel option that the kernel did not know and handed on.
// Every line for tests/emulated/run begins with "emulated:".
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define REPORT(feature) \
  printf("emulated: %s %s\n", feature, __builtin_cpu_supports(feature) ? "yes" : "no")

static void Run(const char* program, char** options) {
  char path[256];
  snprintf(path, sizeof path, "/%s", program);
  if (access(path, X_OK) != 0) return;
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    options[0] = path;
    execv(path, options);
    perror(path);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) {
    printf("emulated: %s killed by signal %d\n", program, WTERMSIG(status));
  } else {
    printf("emulated: %s exit %d\n", program, WEXITSTATUS(status));
  }
}

int main(int argc, char** argv) {
  REPORT("avx2");
  REPORT("avx512f");
  REPORT("avx512bw");
  REPORT("avx512dq");
  REPORT("avx512vl");
  REPORT("avx512vbmi");
  REPORT("avx512vnni");
  REPORT("avx512bf16");
  mkdir("/tmp", 0777);
  if (mount("none", "/dev", "devtmpfs", 0, NULL) != 0) perror("/dev");

  char** options = calloc(argc + 1, sizeof *options);
  int count = 1;
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] == '-') options[count++] = argv[i];
  }
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] != '-') Run(argv[i], options);
  }
  printf("emulated: done\n");
  fflush(stdout);
  tcdrain(STDOUT_FILENO);  // the serial port is slower than we are
  reboot(RB_AUTOBOOT);
  return 1;
}
