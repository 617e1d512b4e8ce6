package dev.outboard.dma.mediator;

/**
 * Memory of another client that a domain of ours may map, as long as the grant lives.
 *
 * @param id the mediator's number of it
 * @param deviceName the domain
 * @param physicalAddress of the first byte: mapped like our own
 * @param lengthBytes whole pages
 * @param access the most it may be mapped for, bits of {@link dev.outboard.iommu.Access}
 */
public record ReceivedGrant(
        long id, String deviceName, long physicalAddress, long lengthBytes, int access) {
    /** Who is told that grants come and go, on a thread of the client that tells nothing else. */
    public interface Listener {
        /** It may be mapped from now on; a service that maps when memory is granted has done so. */
        void granted(ReceivedGrant grant);

        /**
         * It may not be mapped any more. What is mapped of it is being cleared and flushed; its
         * IOVA is still ours, to unmap as always.
         */
        void ended(ReceivedGrant grant);
    }
}
