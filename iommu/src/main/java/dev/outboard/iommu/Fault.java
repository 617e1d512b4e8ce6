package dev.outboard.iommu;

/**
 * An access that was refused; no byte was read or written.
 *
 * @param device the name under which the device attached
 * @param iova the address that the device used
 * @param access what it wanted, bits of {@link Access}
 * @param reason why it did not get it
 */
public record Fault(String device, long iova, int access, FaultReason reason) {
    @Override
    public String toString() {
        return "device=%s iova=0x%x access=%s reason=%s"
                .formatted(device, iova, Access.name(access), reason);
    }
}
