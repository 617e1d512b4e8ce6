package dev.outboard.dma;

/**
 * A holder of translations with a device behind it, both driven by the test's thread: what is asked
 * of every holder alike, and of nothing else.
 */
public interface Holder extends AutoCloseable {
    /** How long somebody else's memory is. */
    int LENT_BYTES = 16 * 4096;

    /** Of the driver under test. */
    IommuDomain domain();

    /** The driver's own memory. */
    PhysicalMemory memory();

    /** Returns when the device knows what it was told. */
    void settle();

    /** The physical address that the device gets at, or -1. */
    long reach(long iova, int access);

    /**
     * Memory of somebody else comes, which the driver may map from now on.
     *
     * @return its physical address; -1 if this holder has no such thing
     */
    long lend();

    /** That memory goes. */
    void takeBack();

    /** Whether it may go while it is mapped: then what is mapped is revoked. */
    boolean revokes();

    @Override
    void close();
}
