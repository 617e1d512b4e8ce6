package dev.outboard.perf.guest;

/** A check found that something is not as it should be. */
final class CheckFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    CheckFailure(String message) {
        super(message);
    }
}
