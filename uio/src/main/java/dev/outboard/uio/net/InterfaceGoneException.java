package dev.outboard.uio.net;

/** A network interface of the kernel's was deleted, or taken away, while it was in use. */
public final class InterfaceGoneException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The interface of this name. */
    public InterfaceGoneException(String name) {
        super(
                ("the interface %s is gone: it was deleted, or its network namespace was; start"
                                + " again to have a new one")
                        .formatted(name));
    }
}
