package dev.outboard.dma;

/**
 * Where a driver gets its memory and its I/O address spaces from: the owner of the IOMMU in its own
 * process, the mediator, or the device itself. A driver cannot tell which, but by its cost.
 *
 * <p>Any thread. Closing it closes its domains.
 */
public interface DomainSource extends AutoCloseable {
    /**
     * Physical memory for a driver; the caller closes it.
     *
     * @param lengthBytes rounded up to whole pages
     * @throws QuotaExceededException if the owner does not give that much
     */
    PhysicalMemory memory(long lengthBytes);

    /**
     * The same, of pages of some kind.
     *
     * @param lengthBytes rounded up to whole pages of that kind
     * @throws IllegalStateException if just that kind is wanted, and is not there or not to be had
     *     from this owner
     */
    default PhysicalMemory memory(long lengthBytes, PageKind pages) {
        if (pages != PageKind.AUTO && pages != PageKind.BASE) {
            throw new IllegalStateException(
                    "another process makes the memory, of pages as it chooses, and "
                            + pages
                            + " are wanted: leave the kind of page to it (--pages auto)");
        }
        return memory(lengthBytes);
    }

    /**
     * Makes a domain for the device of that name, which attaches now or later.
     *
     * @param memory of this source
     * @throws IllegalStateException if the name is claimed already, or this is closed
     * @throws IllegalArgumentException if it is no name
     */
    IommuDomain claim(String deviceName, PhysicalMemory memory, DomainOptions options);

    /**
     * What to do, once and on a thread of this source, when the owner was another process and has
     * ended; at once if it has. In place of what was said before. An owner in this process ends
     * with it.
     */
    default void onLost(Runnable action) {}

    /**
     * Returns if the owner is there: where it is another process, that one has answered.
     *
     * @throws dev.outboard.uio.PeerGoneException if it has ended; the message says what to do
     */
    default void checkPresent() {}

    @Override
    void close();
}
