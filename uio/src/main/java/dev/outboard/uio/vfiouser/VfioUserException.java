package dev.outboard.uio.vfiouser;

/** A peer broke the vfio-user protocol, or refused what was asked. */
public final class VfioUserException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The error number that the peer gave, or that it is given; 0 if there is none. */
    private final int errno;

    /** A failure that {@code message} explains. */
    public VfioUserException(String message) {
        this(message, 0);
    }

    VfioUserException(String message, int errno) {
        super(message);
        this.errno = errno;
    }

    /** The error number that passed, or 0. */
    public int errno() {
        return errno;
    }
}
