package dev.outboard.uio.nativecall;

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
        return answer(C.fcntl(descriptor, command, argument));
    }

    public static int memfdCreate(String name, int flags) {
        return answer(C.memfd_create(name, flags));
    }

    public static int ftruncate(int descriptor, long lengthBytes) {
        return answer(C.ftruncate(descriptor, lengthBytes));
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
        return answer(C.eventfd(initial, flags));
    }

    public static int epollCreate(int flags) {
        return answer(C.epoll_create1(flags));
    }

    /** {@code event} is laid out by {@link EpollEventDescriptor}. */
    public static int epollControl(int epoll, int operation, int descriptor, byte[] event) {
        return answer(C.epoll_ctl(epoll, operation, descriptor, event));
    }

    public static int socket(int domain, int type) {
        return answer(C.socket(domain, type, 0));
    }

    public static int socketPair(int domain, int type, int[] descriptors) {
        return answer(C.socketpair(domain, type, 0, descriptors));
    }

    public static int bind(int descriptor, byte[] address) {
        return answer(C.bind(descriptor, address, address.length));
    }

    public static int listen(int descriptor, int backlog) {
        return answer(C.listen(descriptor, backlog));
    }

    public static int connect(int descriptor, byte[] address) {
        return answer(C.connect(descriptor, address, address.length));
    }

    public static int accept(int descriptor, int flags) {
        return answer(C.accept4(descriptor, null, null, flags));
    }

    public static int setSocketOption(int descriptor, int level, int name, byte[] value) {
        return answer(C.setsockopt(descriptor, level, name, value, value.length));
    }

    public static int getSocketOption(int descriptor, int level, int name, byte[] value) {
        return answer(C.getsockopt(descriptor, level, name, value, new int[] {value.length}));
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
        return answer(C.pidfd_open(process, 0));
    }
}
