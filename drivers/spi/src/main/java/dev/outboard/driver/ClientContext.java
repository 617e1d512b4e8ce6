package dev.outboard.driver;

import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DomainStatistics;
import dev.outboard.dma.LentMemory;
import dev.outboard.uio.MemoryFile;
import java.util.Map;

/** What a host gives a client: its options, when to stop, and where results go. */
public interface ClientContext {
    /** The result that says whether the client's data was right; false fails the whole run. */
    String VERIFIED = "verified";

    /** The device the service drives. */
    Device device();

    /** The options given as {@code name=value}. */
    Map<String, String> options();

    /** Whether the user, or the host, asked the client to end. Any thread. */
    boolean isStopping();

    /**
     * Tells the host that the client is set up, so that whoever waits for it may start the other
     * side.
     */
    void ready();

    /**
     * Adds a result: a number, a text or a boolean. Printed for people, or as a field of the JSON.
     */
    void result(String name, Object value);

    /**
     * Says how far the client is, while it runs: the text to people, the fields to machines. Any
     * thread but a queue's, as it allocates and may wait for who reads it.
     */
    default void progress(String text, Map<String, Object> fields) {
        // Nobody looks on.
    }

    /**
     * What the owner of the IOMMU has counted of the device so far, or null where no IOMMU stands
     * before it. Any thread.
     */
    default DomainStatistics translation() {
        return null;
    }

    /**
     * How often memory has come, or was wanted back, so far. Any thread; a volatile read. A client
     * that keeps buffers for long looks at it between requests, and when it has changed gives them
     * back and takes others by {@link #allocate}: what is kept cannot be unplugged, but by force.
     */
    default long memoryChanges() {
        return 0;
    }

    /**
     * Contiguous, zeroed pages: of the memory that came last, as long as that stays, and where it
     * has no room of any other. Any thread.
     *
     * @throws dev.outboard.dma.OutOfDmaMemoryException if there is no run of free pages that long
     */
    default DmaMemory allocate(long lengthBytes) {
        return device().dma().allocate(lengthBytes);
    }

    /**
     * Takes memory that another process lends, so that the device can be allowed to reach it as any
     * of the driver's own, until the loan is closed. Any thread but one that must not wait.
     *
     * @param file of whole pages, its size sealed; taken over, also if this fails
     * @throws IllegalArgumentException or {@link IllegalStateException} if it cannot be lent: the
     *     message says why, and its bytes are to be copied then
     */
    default LentMemory borrow(MemoryFile file) {
        file.close();
        throw new IllegalStateException("this host borrows no memory");
    }

    /** A long option. */
    default long option(String name, long absent) {
        var text = options().get(name);
        if (text == null) {
            return absent;
        }
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "option " + name + "=" + text + " is not a whole number");
        }
    }
}
