#!/bin/bash
# run-in-burner-vm.sh [options] CMD...   run CMD next to a real /dev/sr0 DVD burner
# run-in-burner-vm.sh --setup            fetch the Debian packages (done by itself when missing)
#
# Boots User Mode Linux (no KVM, no root needed for the guest's own root) on a
# read-only view of this machine's file tree with a throw-away overlay, makes a
# SCSI burner, attaches it with the kernel's own iSCSI initiator as
# /dev/sr0 and /dev/sgN, runs CMD, prints its output and returns its status.
#   -s DIR    shared read-write as /share in the guest (default: a temporary one)
#   -b KIND   tgt: a DVD+R burner of tgtd (default) | virtual: a burner of all kinds of discs, which is
#             $VIRTUAL_BURNER (default: target/debug/examples/virtual-burner, `cargo build --example virtual-burner`)
#             | none (a guest for loop mounts and the like, no burner)
#   -d FILE   the medium in the tray: a file under /share; '-' is an empty tray.
#             tgt: size 0 (made if missing) is a blank DVD+R, any other size a closed DVD-ROM of these bytes
#             (default /share/disc.iso). virtual: a disc of `disc new` (default: an empty tray)
#   -m MB     guest memory (1024)     -t S  limit in seconds (300)     -v  say times
# In the guest: `tray FILE` puts another medium in, `tray -` empties it,
# `tray reload` makes the kernel look at the medium anew (as a real tray cycle does).
# With -b virtual: `disc new KIND FILE [SECTORS]` makes a blank disc, `drive WORDS` does something to the drive
# (`drive help` lists it: faults, speeds, the button, a power cut).
# Status: CMD's own; 124 the limit passed; 125 no result from the guest.
set -u
self=$(readlink -f "$0")
H=${BURNER_VM_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/burner-vm}
PKGS="user-mode-linux busybox-static kmod libkmod2
 tgt open-iscsi libopeniscsiusr libisns0 libibverbs1 librdmacm1 libnl-3-200 libnl-route-3-200
 xorriso cdrskin libisoburn1 libburn4 libisofs6 libjte2 growisofs dvd+rw-tools genisoimage wodim sg3-utils libsgutils2-1.46-2
 eject libaio1 libreadline8 libmagic1 libmagic-mgc ${BURNER_VM_PKGS:-}"

# what was fetched for another list of packages is left alone: somebody may be using it
R=$H/root.$(cksum <<<"$PKGS" | cut -d' ' -f1)

# A mirror may be away for a moment, or have newer packages than the lists say. Only root can update the lists.
fetch() {
  local pause
  for pause in 0 10 30 60; do
    [ $pause = 0 ] || { sleep $pause; apt-get -q update; }
    (cd "$H/debs" && apt-get -o APT::Sandbox::User=root -o Acquire::Retries=3 download $PKGS) && return 0
  done
  return 1
}

setup() {
  [ -x "$R/usr/bin/linux.uml" ] && [ -x "$R/usr/sbin/tgtd" ] && [ -x "$R/usr/sbin/iscsistart" ] && return 0
  mkdir -p "$H/debs" "$R/usr/bin" "$R/usr/sbin" "$R/usr/lib" || return 1
  fetch >"$H/setup.log" 2>&1 || { tail -5 "$H/setup.log" >&2; return 1; }
  for d in "$H"/debs/*.deb; do dpkg -x "$d" "$R" || return 1; done
  for d in bin sbin lib lib64; do [ -d "$R/$d" ] && cp -a "$R/$d/." "$R/usr/$d/" && rm -r "${R:?}/$d"; done # /usr is merged
  mkdir -p "$R/usr/lib/modules"; mv "$R"/usr/lib/uml/modules/* "$R/usr/lib/modules/"
  rm -rf "$H/debs" "$R/etc" "$R/var" "$R/usr/share/doc"
}

guest() { # PID 1 in the guest; stage 1 on hostfs, stage 2 on the overlay
  export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  local n
  if [ "${1:-}" != stage2 ]; then
    mount -t proc proc /proc
    for a in $(cat /proc/cmdline); do case $a in bvm_*=*) export "${a?}";; esac; done
    local R=$bvm_root
    mount -t tmpfs -o size=90% tmpfs /mnt; mkdir -p /mnt/up /mnt/wk /mnt/root /mnt/pk; mount -t hostfs -o "$R" none /mnt/pk
    # modprobe is a link to /bin/kmod, which the host may lack
    (export LD_LIBRARY_PATH=$R/usr/lib/x86_64-linux-gnu; exec -a modprobe "$R/usr/bin/kmod" -d "$R/usr" overlay)
    # the packages lie over the host's tree, a tmpfs over both: nothing of the host can change
    mount -t overlay overlay -o "lowerdir=/mnt/pk:/,upperdir=/mnt/up,workdir=/mnt/wk" /mnt/root || { echo "overlay failed"; "$R/usr/bin/busybox" poweroff -f; }
    exec "$R/usr/bin/busybox" chroot /mnt/root /bin/bash "$bvm_self" --guest stage2
  fi
  export PATH=/run/burner:$PATH HOME=/root TERM=dumb
  mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
  mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs tmpfs /run
  ln -sfn /proc/self/fd /dev/fd
  mkdir -p /share /run/lock /run/tgtd /run/burner /run/job /mnt/disc
  mount -t hostfs none /share -o "$bvm_share"; mount -t hostfs none /run/job -o "$bvm_job"
  . /run/job/env
  busybox ifconfig lo 127.0.0.1 up; hostname burner
  modprobe -a loop isofs udf sg sr_mod
  cat > /run/burner/tray <<'X'
#!/bin/bash
# tray FILE | - | reload
reload() { local h; h=$(basename "$(readlink -f /sys/block/sr0/device)"); echo "$h" > /sys/bus/scsi/drivers/sr/unbind; echo "$h" > /sys/bus/scsi/drivers/sr/bind; for _ in $(seq 3000); do [ -b /dev/sr0 ] && return; sleep 0.02; done; return 1; }
T="tgtadm --lld iscsi --mode logicalunit --tid 1 --lun 1"
if [ "$BURNER" = virtual ]; then
  case $1 in
    reload) reload;;
    -) drive empty;;
    *) drive insert "$1" && for _ in $(seq 300); do sg_turs /dev/sr0 >/dev/null 2>&1 && exit; done; exit 1;;
  esac
  exit
fi
case $1 in
  reload) reload;;
  -) $T --op update --params online=No;;
  *) [ -e "$1" ] || : > "$1"; $T --op update --params online=No; $T --op update --params path="$1" && reload;;
esac
X
  printf '#!/bin/sh\nexec %q tell /run/burner/socket "$@"\n' "$VIRTUAL" > /run/burner/drive
  printf '#!/bin/sh\nexec %q "$@"\n' "$VIRTUAL" > /run/burner/disc
  chmod +x /run/burner/tray /run/burner/drive /run/burner/disc
  case $BURNER in
  virtual)
    modprobe iscsi_tcp
    [ "$DISC" = - ] && DISC=
    "$VIRTUAL" serve 127.0.0.1:3260 /run/burner/socket $DISC >/run/job/burner.log 2>&1 &
    n=0; until [ -S /run/burner/socket ]; do n=$((n+1)); [ $n -gt 3000 ] && break; sleep 0.02; done
    iscsistart -i iqn.2026-01.test:initiator -t iqn.2026-01.test:burner -g 1 -a 127.0.0.1 -p 3260 >/run/job/iscsi.log 2>&1;;
  tgt)
    modprobe iscsi_tcp
    tgtd -f --iscsi portal=127.0.0.1:3260 >/run/job/tgtd.log 2>&1 &
    local T="tgtadm --lld iscsi"
    n=0; until $T --mode sys --op show >/dev/null 2>&1; do n=$((n+1)); [ $n -gt 3000 ] && break; sleep 0.02; done
    { $T --mode target --op new --tid 1 -T iqn.2026-01.test:burner
      $T --mode target --op bind --tid 1 -I ALL
      $T --mode logicalunit --op new --tid 1 --lun 1 --device-type cd
      $T --mode logicalunit --op update --tid 1 --lun 1 --params vendor_id=STGT_DVD,product_id=BURNER,product_rev=0010,scsi_sn=XYZ123,removable=1
      [ "$DISC" != - ] && $T --mode logicalunit --op update --tid 1 --lun 1 --params path="$DISC"
      iscsistart -i iqn.2026-01.test:initiator -t iqn.2026-01.test:burner -g 1 -a 127.0.0.1 -p 3260
    } >/run/job/iscsi.log 2>&1;;
  esac
  if [ "$BURNER" != none ]; then
    n=0; until [ -b /dev/sr0 ]; do n=$((n+1)); [ $n -gt 3000 ] && { echo "burner VM: no /dev/sr0" >/run/job/err; break; }; sleep 0.02; done
  fi
  cut -d' ' -f1 /proc/uptime > /run/job/ready
  cd /share; bash /run/job/cmd >>/run/job/out 2>>/run/job/err </dev/null; echo $? > /run/job/rc
  cut -d' ' -f1 /proc/uptime > /run/job/done
  dmesg > /run/job/dmesg; cd /; sync; busybox poweroff -f
}

[ "${1:-}" = --guest ] && { shift; guest "$@"; exit; }
[ "${1:-}" = --setup ] && { mkdir -p "$H"; (flock 9 && setup) 9>"$H/setup.lock"; exit; }
share= disc= burner=tgt mem=1024 limit=300 verbose=
while getopts s:d:b:m:t:v o; do case $o in s) share=$OPTARG;; d) disc=$OPTARG;; b) burner=$OPTARG;; m) mem=$OPTARG;; t) limit=$OPTARG;; v) verbose=1;; *) exit 2;; esac; done
shift $((OPTIND-1)); [ $# -gt 0 ] || { sed -n '2,20s/^# \?//p' "$self"; exit 2; }
mkdir -p "$H"
(flock 9 && setup) 9>"$H/setup.lock" || { echo "burner VM: the packages could not be had" >&2; exit 125; }
job=$(mktemp -d /tmp/bvm.XXXXXX); trap 'rm -rf "$job"' EXIT
[ -n "$share" ] || { share=$job/share; mkdir "$share"; }; share=$(cd "$share" && pwd) || exit 2
case $burner in
  tgt) disc=${disc:-/share/disc.iso};;
  virtual) disc=${disc:--};;
esac
virtual=$(readlink -f "${VIRTUAL_BURNER:-$(dirname "$self")/../../target/debug/examples/virtual-burner}")
[ "$burner" != virtual ] || [ -x "$virtual" ] || { echo "burner VM: no $virtual; cargo build --example virtual-burner" >&2; exit 125; }
[ "$burner" = tgt ] && case $disc in /share/*) f=$share/${disc#/share/}; [ -e "$f" ] || : > "$f";; esac
printf 'export BURNER=%q\nDISC=%q\nVIRTUAL=%q\n%s\n' "$burner" "$disc" "$virtual" "${VIRTUAL_BURNER_TRACE:+export VIRTUAL_BURNER_TRACE=1}" > "$job/env"
printf '%s\n' "$*" > "$job/cmd"; : > "$job/out"; : > "$job/err"
printf '#!/bin/sh\nexec /bin/bash %q --guest "$@"\n' "$self" > "$job/init"; chmod +x "$job/init"
# A processor with AMX has more floating point state than this kernel reads; writing back the part that it knows fails,
# and the guest dies at its first process. So its ptrace() reads all, replaces that part, and writes all.
shim=
if grep -qw amx_tile /proc/cpuinfo; then
  shim=$job/ptrace.so
  cc -O1 -shared -fPIC -o "$shim" -x c - <<'X' || { echo "burner VM: the host has AMX; a C compiler is needed" >&2; exit 125; }
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>
static char all[1 << 16];
static long call(long request, long pid, void *address, void *data) {
  long word, result;
  int peek = request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER;
  result = syscall(SYS_ptrace, request, pid, address, peek ? &word : data);
  return peek && result == 0 ? word : result;
}
long ptrace(enum __ptrace_request request, ...) {
  va_list list;
  va_start(list, request);
  long pid = va_arg(list, pid_t);
  void *address = va_arg(list, void *), *data = va_arg(list, void *);
  va_end(list);
  if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE) {
    struct iovec *part = data, whole = {all, sizeof all};
    if (call(PTRACE_GETREGSET, pid, address, &whole) == 0 && part->iov_len < whole.iov_len) {
      memcpy(all, part->iov_base, part->iov_len);
      return call(request, pid, address, &whole);
    }
  }
  return call(request, pid, address, data);
}
X
fi
t0=$(date +%s.%N)
LD_PRELOAD=$shim timeout -k 5 "$limit" "$R/usr/bin/linux.uml" umid=vm uml_dir="$job" mem="${mem}M" rootfstype=hostfs rootflags=/ ro init="$job/init" \
  bvm_root="$R" bvm_self="$self" bvm_share="$share" bvm_job="$job" con=null con0=null,fd:1 quiet </dev/null >"$job/console" 2>&1 &
u=$!
tail -n +1 -s 0.1 -f --pid=$u "$job/out" 2>/dev/null & o=$!
tail -n +1 -s 0.1 -f --pid=$u "$job/err" >&2 2>/dev/null & e=$!
wait $u; ur=$?; wait $o $e
if rc=$(cat "$job/rc" 2>/dev/null); then :; elif [ $ur = 124 ] || [ $ur = 137 ]; then rc=124; echo "burner VM: over $limit s" >&2; else rc=125; echo "burner VM: no result (status $ur)" >&2; tail -20 "$job/console" >&2; fi
[ -n "$verbose" ] && echo "burner VM: rc=$rc wall=$(awk "BEGIN{print $(date +%s.%N)-$t0}")s ready=$(cat "$job/ready" 2>/dev/null) done=$(cat "$job/done" 2>/dev/null)" >&2
[ -n "${BURNER_VM_KEEP:-}" ] && { trap - EXIT; echo "burner VM: $job" >&2; }
exit "$rc"
