package dev.outboard.uio.vfio;

/** How a function interrupts. */
public enum InterruptKind {
    /** A line, which is masked by each interrupt and unmasked by who has served it. */
    LINE(VfioDescriptor.INTX),

    /** Messages, up to 32. */
    MSI(VfioDescriptor.MSI),

    /** Messages, up to 2048, each with an address of its own. */
    MSIX(VfioDescriptor.MSIX);

    private final int index;

    InterruptKind(int index) {
        this.index = index;
    }

    int index() {
        return index;
    }
}
