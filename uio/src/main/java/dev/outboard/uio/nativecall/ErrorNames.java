package dev.outboard.uio.nativecall;

import jnr.constants.platform.Errno;

/** Error numbers of this platform, with their names, from jnr-constants. */
public final class ErrorNames {
    public static final int EINTR = Errno.EINTR.intValue();
    public static final int EAGAIN = Errno.EAGAIN.intValue();
    public static final int EEXIST = Errno.EEXIST.intValue();
    public static final int EINVAL = Errno.EINVAL.intValue();
    public static final int ENOENT = Errno.ENOENT.intValue();
    public static final int EACCES = Errno.EACCES.intValue();
    public static final int EPERM = Errno.EPERM.intValue();
    public static final int EPIPE = Errno.EPIPE.intValue();
    public static final int EINPROGRESS = Errno.EINPROGRESS.intValue();
    public static final int EADDRINUSE = Errno.EADDRINUSE.intValue();
    public static final int ECONNREFUSED = Errno.ECONNREFUSED.intValue();
    public static final int ECONNRESET = Errno.ECONNRESET.intValue();
    public static final int ENOTCONN = Errno.ENOTCONN.intValue();
    public static final int EPROTOTYPE = Errno.EPROTOTYPE.intValue();
    public static final int ECONNABORTED = Errno.ECONNABORTED.intValue();
    public static final int EOPNOTSUPP = Errno.EOPNOTSUPP.intValue();
    public static final int ENOSYS = Errno.ENOSYS.intValue();
    public static final int EIO = Errno.EIO.intValue();
    public static final int EBUSY = Errno.EBUSY.intValue();
    public static final int ENODEV = Errno.ENODEV.intValue();
    public static final int ENOMEM = Errno.ENOMEM.intValue();
    public static final int ENOSPC = Errno.ENOSPC.intValue();
    public static final int ENOTTY = Errno.ENOTTY.intValue();

    private ErrorNames() {}

    /** The name of an error number, as {@code ENOENT}; the number in words when it has none. */
    public static String of(int errno) {
        Errno named = Errno.valueOf(errno);
        return named == Errno.__UNKNOWN_CONSTANT__ ? "error " + errno : named.name();
    }
}
