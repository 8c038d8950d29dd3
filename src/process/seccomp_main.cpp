// Writes the filter of system calls that runs and builds get, as an array for cupola-launch: built
// once with the program, so that a start costs no more than its loading.
//
// A list of what is denied, in the spirit of Docker's and Flatpak's: what changes mounts,
// namespaces or the kernel, what reaches into other processes, and parts of the kernel that
// pipelines do not need and that were its weak ones. Programs see EPERM; ENOSYS where they know
// another way.

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <vector>

#include <linux/filter.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr std::uint32_t no_such_call = SCMP_ACT_ERRNO(ENOSYS);
constexpr std::uint32_t not_permitted = SCMP_ACT_ERRNO(EPERM);
constexpr std::uint32_t no_such_family = SCMP_ACT_ERRNO(EAFNOSUPPORT);

constexpr std::initializer_list<const char*> denied = {
    // mounts and namespaces
    "mount", "umount", "umount2", "pivot_root", "chroot", "setns", "move_mount", "open_tree",
    "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "quotactl", "quotactl_fd",
    // the kernel itself
    "init_module", "finit_module", "delete_module", "create_module", "get_kernel_syms",
    "query_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "acct",
    "syslog", "bpf", "perf_event_open", "lookup_dcookie", "nfsservctl", "sysfs", "_sysctl",
    "uselib", "ustat", "iopl", "ioperm", "modify_ldt", "vm86", "vm86old", "vhangup", "sethostname",
    "setdomainname", "settimeofday", "stime", "clock_settime", "clock_adjtime", "fanotify_init",
    // keys of the host
    "add_key", "request_key", "keyctl",
    // other processes
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "process_madvise", "kcmp",
    "move_pages", "migrate_pages",
    // files past their folders, page faults in user space
    "open_by_handle_at", "userfaultfd"};

/// libseccomp of Debian 12 does not know them by name.
constexpr int sys_open_tree_attr = 467;

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ALLOW)) {
    if (context_ == nullptr) give_up("seccomp_init");
    // The 32-bit and x32 interfaces, which have numbers of their own, are denied whole.
    ::seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, no_such_call);
    ::seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;
  ~Filter() { ::seccomp_release(context_); }

  /// Nothing where this machine has no such call.
  void deny(const char* name, std::uint32_t action,
            const std::vector<scmp_arg_cmp>& conditions = {}) {
    const int call = ::seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR) give_up(name);
    if (call >= 0) deny(call, action, conditions, name);
  }

  void deny(int call, std::uint32_t action, const std::vector<scmp_arg_cmp>& conditions,
            const char* name) {
    if (::seccomp_rule_add_array(context_, action, call, static_cast<unsigned>(conditions.size()),
                                 conditions.data()) != 0) {
      give_up(name);
    }
  }

  std::vector<sock_filter> instructions() const {
    std::FILE* file = std::tmpfile();
    if (file == nullptr || ::seccomp_export_bpf(context_, ::fileno(file)) != 0) give_up("export");
    std::rewind(file);
    std::vector<sock_filter> all;
    sock_filter one{};
    while (std::fread(&one, sizeof one, 1, file) == 1) all.push_back(one);
    std::fclose(file);
    return all;
  }

 private:
  [[noreturn]] static void give_up(const char* what) {
    std::fprintf(stderr, "seccomp: %s failed\n", what);
    std::exit(1);
  }

  scmp_filter_ctx context_;
};

scmp_arg_cmp has_bit(unsigned argument, std::uint64_t bit) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = bit, .datum_b = bit};
}

scmp_arg_cmp is(unsigned argument, std::uint64_t value) {
  return {.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}

void deny_namespaces(Filter& filter) {
  for (const std::uint64_t bit : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                  CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET}) {
    filter.deny("clone", not_permitted, {has_bit(0, bit)});
    filter.deny("unshare", not_permitted, {has_bit(0, bit)});
  }
  filter.deny("unshare", not_permitted, {has_bit(0, CLONE_NEWTIME)});
  // Its flags lie in memory, where no filter sees them; the C library then takes clone.
  filter.deny("clone3", no_such_call);
}

/// Local sockets, internet, and of netlink what asks for addresses and routes.
void deny_socket_families(Filter& filter) {
  for (const char* call : {"socket", "socketpair"}) {
    for (std::uint64_t family = 0; family <= AF_NETLINK; ++family) {
      if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK) {
        continue;
      }
      filter.deny(call, no_such_family, {is(0, family)});
    }
    filter.deny(call, no_such_family,
                {{.arg = 0, .op = SCMP_CMP_GT, .datum_a = AF_NETLINK, .datum_b = 0}});
    filter.deny(call, no_such_family,
                {is(0, AF_NETLINK), {.arg = 2, .op = SCMP_CMP_NE, .datum_a = 0, .datum_b = 0}});
  }
}

/// Keys pressed into a terminal that others read. The kernel looks at 32 bits of the number.
void deny_terminal_injection(Filter& filter) {
  for (const std::uint64_t request : {TIOCSTI, TIOCLINUX}) {
    filter.deny("ioctl", not_permitted,
                {{.arg = 1, .op = SCMP_CMP_MASKED_EQ, .datum_a = 0xffffffff, .datum_b = request}});
  }
}

}  // namespace

int main() {
  Filter filter;
  for (const char* name : denied) filter.deny(name, not_permitted);
  filter.deny(sys_open_tree_attr, not_permitted, {}, "open_tree_attr");
  for (const char* name : {"io_uring_setup", "io_uring_enter", "io_uring_register"}) {
    filter.deny(name, no_such_call);
  }
  filter.deny("personality", not_permitted,
              {{.arg = 0, .op = SCMP_CMP_NE, .datum_a = 0, .datum_b = 0}});
  deny_namespaces(filter);
  deny_socket_families(filter);
  deny_terminal_injection(filter);

  std::puts("constexpr sock_filter seccomp_filter[] = {");
  for (const sock_filter& one : filter.instructions()) {
    std::printf("    {0x%x, %u, %u, 0x%x},\n", one.code, one.jt, one.jf, one.k);
  }
  std::puts("};");
}
