package dev.outboard.uio;

/**
 * A system call failed where success was expected: the call, its {@code errno} by name, and the
 * operands. Expected outcomes (would block, timed out) are return values and never this.
 */
public final class NativeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String call;
    private final String errnoName;
    private final int errno;

    /**
     * @param call the system call, as {@code man 2} spells it
     * @param errno the error number
     * @param errnoName its name, as {@code ENOENT}
     * @param operands what was asked for, for people to read; descriptors and addresses in hex
     */
    public NativeException(String call, int errno, String errnoName, String operands) {
        super(call + "(" + operands + ") failed: " + errnoName);
        this.call = call;
        this.errno = errno;
        this.errnoName = errnoName;
    }

    /** The system call that failed. */
    public String call() {
        return call;
    }

    /** The error number. */
    public int errno() {
        return errno;
    }

    /** The error's name, as {@code ENOENT}. */
    public String errnoName() {
        return errnoName;
    }
}
