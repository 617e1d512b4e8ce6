package dev.outboard.uio.nativecall;

import dev.outboard.uio.failure.FailurePoint;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;

/**
 * System calls of the control plane. Any thread; they allocate.
 *
 * <p>JNR-FFI is told to bind by reflection: its bytecode generator puts classes into an unnamed
 * module, which may not see this package, and would want a further module for it. A call costs
 * about a microsecond more, which no caller here notices.
 */
public final class ControlCalls {
    private static final String GENERATOR = "jnr.ffi.asm.enabled";

    /** By its full name: for "c", JNR-FFI would search directories for a tenth of a second. */
    private static final String LIBRARY = "libc.so.6";

    private static final LibC C = load();
    private static final Runtime RUNTIME = Runtime.getRuntime(C);

    private static final int F_GET_SEALS = 1034;
    private static final int FALLOC_FL_KEEP_SIZE = 0x1;
    private static final int FALLOC_FL_PUNCH_HOLE = 0x2;
    private static final int MEMBARRIER_NUMBER = membarrierNumber();
    private static final int BPF_NUMBER = bpfNumber();
    private static final int ENOSYS = 38;

    /** What failure points answer. */
    private static final int ENOMEM = 12;

    private static final int EMFILE = 24;

    private ControlCalls() {}

    private static LibC load() {
        String before = System.getProperty(GENERATOR);
        System.setProperty(GENERATOR, "false");
        try {
            return LibraryLoader.create(LibC.class).load(LIBRARY);
        } finally {
            if (before == null) {
                System.clearProperty(GENERATOR);
            } else {
                System.setProperty(GENERATOR, before);
            }
        }
    }

    /** The answer, or the negated error number that JNR kept for this thread. */
    private static int answer(int result) {
        return result < 0 ? -RUNTIME.getLastError() : result;
    }

    public static int open(String path, int flags, int mode) {
        return answer(C.open(path, flags, mode));
    }

    public static int close(int descriptor) {
        return answer(C.close(descriptor));
    }

    public static int fcntl(int descriptor, int command, long argument) {
        boolean takes = command != F_GET_SEALS;
        return takes && FailurePoint.fails("fcntl")
                ? -ENOMEM
                : answer(C.fcntl(descriptor, command, argument));
    }

    public static int memfdCreate(String name, int flags) {
        return FailurePoint.fails("memfd_create") ? -EMFILE : answer(C.memfd_create(name, flags));
    }

    public static int ftruncate(int descriptor, long lengthBytes) {
        return FailurePoint.fails("ftruncate")
                ? -ENOMEM
                : answer(C.ftruncate(descriptor, lengthBytes));
    }

    /** Gives the memory of a part of a file back, which reads as zeros from then on. */
    public static int punchHole(int descriptor, long offset, long lengthBytes) {
        return FailurePoint.fails("fallocate")
                ? -ENOMEM
                : answer(
                        C.fallocate(
                                descriptor,
                                FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
                                offset,
                                lengthBytes));
    }

    /** {@code membarrier}, which the C library has no name for; only where its number is known. */
    public static int membarrier(int command) {
        if (MEMBARRIER_NUMBER < 0) {
            return -ENOSYS;
        }
        return answer((int) C.syscall(MEMBARRIER_NUMBER, command, 0, 0));
    }

    /**
     * {@code bpf}, which the C library has no name for; only where its number is known.
     *
     * @param attributes the address of memory that the caller keeps alive
     */
    public static int bpf(int command, long attributes, int lengthBytes) {
        if (BPF_NUMBER < 0) {
            return -ENOSYS;
        }
        return FailurePoint.fails("bpf")
                ? -ENOMEM
                : answer((int) C.syscall(BPF_NUMBER, command, attributes, lengthBytes));
    }

    private static int bpfNumber() {
        return switch (System.getProperty("os.arch")) {
            case "amd64" -> 321;
            case "aarch64" -> 280;
            default -> -1;
        };
    }

    private static int membarrierNumber() {
        return switch (System.getProperty("os.arch")) {
            case "amd64" -> 324;
            case "aarch64" -> 283;
            default -> -1;
        };
    }

    /** Fills {@code result}, {@link StatxDescriptor#SIZE_BYTES} long, about an open descriptor. */
    public static int statx(int descriptor, byte[] result) {
        return answer(
                C.statx(
                        descriptor,
                        "",
                        StatxDescriptor.AT_EMPTY_PATH,
                        StatxDescriptor.STATX_BASIC_STATS,
                        result));
    }

    public static long lseek(int descriptor, long offset, int whence) {
        long result = C.lseek(descriptor, offset, whence);
        return result < 0 ? -RUNTIME.getLastError() : result;
    }

    public static int eventfd(int initial, int flags) {
        return FailurePoint.fails("eventfd") ? -EMFILE : answer(C.eventfd(initial, flags));
    }

    public static int epollCreate(int flags) {
        return FailurePoint.fails("epoll_create1") ? -EMFILE : answer(C.epoll_create1(flags));
    }

    /** {@code event} is laid out by {@link EpollEventDescriptor}. */
    public static int epollControl(int epoll, int operation, int descriptor, byte[] event) {
        // Only what adds takes memory of the kernel's.
        return operation == EpollEventDescriptor.ADD && FailurePoint.fails("epoll_ctl")
                ? -ENOMEM
                : answer(C.epoll_ctl(epoll, operation, descriptor, event));
    }

    public static int socket(int domain, int type) {
        return FailurePoint.fails("socket") ? -EMFILE : answer(C.socket(domain, type, 0));
    }

    public static int socketPair(int domain, int type, int[] descriptors) {
        return answer(C.socketpair(domain, type, 0, descriptors));
    }

    public static int bind(int descriptor, byte[] address) {
        return FailurePoint.fails("bind")
                ? -ENOMEM
                : answer(C.bind(descriptor, address, address.length));
    }

    public static int listen(int descriptor, int backlog) {
        return FailurePoint.fails("listen") ? -ENOMEM : answer(C.listen(descriptor, backlog));
    }

    public static int connect(int descriptor, byte[] address) {
        return FailurePoint.fails("connect")
                ? -ENOMEM
                : answer(C.connect(descriptor, address, address.length));
    }

    public static int accept(int descriptor, int flags) {
        return FailurePoint.fails("accept4")
                ? -EMFILE
                : answer(C.accept4(descriptor, null, null, flags));
    }

    public static int setSocketOption(int descriptor, int level, int name, byte[] value) {
        return FailurePoint.fails("setsockopt")
                ? -ENOMEM
                : answer(C.setsockopt(descriptor, level, name, value, value.length));
    }

    public static int getSocketOption(int descriptor, int level, int name, byte[] value) {
        return FailurePoint.fails("getsockopt")
                ? -ENOMEM
                : answer(C.getsockopt(descriptor, level, name, value, new int[] {value.length}));
    }

    public static int prctl(int option, long argument) {
        return answer(C.prctl(option, argument, 0, 0, 0));
    }

    public static int prctl(int option, String argument) {
        return answer(C.prctl(option, argument, 0, 0, 0));
    }

    public static int setAffinity(int thread, byte[] mask) {
        return answer(C.sched_setaffinity(thread, mask.length, mask));
    }

    public static int getAffinity(int thread, byte[] mask) {
        return answer(C.sched_getaffinity(thread, mask.length, mask));
    }

    public static int threadId() {
        return C.gettid();
    }

    public static int parentProcessId() {
        return C.getppid();
    }

    public static int openProcess(int process) {
        return FailurePoint.fails("pidfd_open") ? -EMFILE : answer(C.pidfd_open(process, 0));
    }
}
