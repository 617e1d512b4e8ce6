package dev.outboard.uio.nativecall;

import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;

/**
 * The C library's functions of the control plane, bound by JNR-FFI: the signatures are the whole
 * binding. Public because JNR implements it; nothing outside this package may call it.
 */
// CHECKSTYLE:OFF: the names are the C library's.
public interface LibC {
    int open(@In String path, int flags, int mode);

    int close(int descriptor);

    int fcntl(int descriptor, int command, long argument);

    int memfd_create(@In String name, int flags);

    int ftruncate(int descriptor, long lengthBytes);

    int fallocate(int descriptor, int mode, long offset, long lengthBytes);

    long syscall(long number, long first, long second, long third);

    int statx(int directory, @In String path, int flags, int mask, @Out byte[] result);

    long lseek(int descriptor, long offset, int whence);

    int eventfd(int initial, int flags);

    int epoll_create1(int flags);

    int epoll_ctl(int epoll, int operation, int descriptor, @In byte[] event);

    int socket(int domain, int type, int protocol);

    int socketpair(int domain, int type, int protocol, @Out int[] descriptors);

    int bind(int descriptor, @In byte[] address, int lengthBytes);

    int listen(int descriptor, int backlog);

    int connect(int descriptor, @In byte[] address, int lengthBytes);

    int accept4(int descriptor, @Out byte[] address, @In @Out int[] lengthBytes, int flags);

    int setsockopt(int descriptor, int level, int name, @In byte[] value, int lengthBytes);

    int getsockopt(
            int descriptor, int level, int name, @Out byte[] value, @In @Out int[] lengthBytes);

    int prctl(int option, long second, long third, long fourth, long fifth);

    int prctl(int option, @In String second, long third, long fourth, long fifth);

    int sched_setaffinity(int thread, long lengthBytes, @In byte[] mask);

    int sched_getaffinity(int thread, long lengthBytes, @Out byte[] mask);

    int gettid();

    int getppid();

    int pidfd_open(int process, int flags);
}
