package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The owner's side of one device's control page: asks for invalidations, sees whether they are
 * done, takes faults.
 *
 * <p>The flush is: clear the table's entries; {@link #request} on every device; <em>full
 * fence</em>; wait until each {@link #isSettled}. The fence is the caller's, one for all devices.
 *
 * <p>Nothing the owner relies on is read back from the page: the device could have overwritten it.
 * Requests and {@link #isSettled} belong to one thread, {@link #takeFault} to one thread, maybe
 * another. No method of the flush allocates.
 */
public final class OwnerControl {
    private static final int RING_MASK = ControlPageDescriptor.INVALIDATIONS - 1;
    private static final int FAULT_MASK = ControlPageDescriptor.FAULTS - 1;

    private final MemorySegment page;
    private long requested;
    private long faultsTaken;
    private long faultsGarbled;

    /** Takes zeroed memory that holds a control page; the memory must outlive this. */
    public OwnerControl(MemorySegment page) {
        this.page = ControlPage.checked(page);
    }

    /**
     * Asks the device to drop its whole IOTLB. Entries that the owner cleared before are seen
     * cleared after.
     */
    public void requestAll() {
        publish(ControlPageDescriptor.EVERYTHING);
    }

    /** The same, and asks it to count what was stale: see {@link DeviceCounters#staleHeld}. */
    public void requestAllCounted() {
        publish(ControlPageDescriptor.EVERYTHING_COUNTED);
    }

    /** Asks the device to drop a run of IOVA pages; the format must be able to. */
    public void request(long firstPage, long pages) {
        if (pages <= 0 || pages > ControlPageDescriptor.MAX_INVALIDATION_PAGES) {
            publish(ControlPageDescriptor.EVERYTHING);
            return;
        }
        publish(firstPage << ControlPageDescriptor.INVALIDATION_PAGE_SHIFT | pages);
    }

    private void publish(long invalidation) {
        requested++;
        long slot =
                ControlPageDescriptor.INVALIDATIONS_OFFSET + (requested & RING_MASK) * Long.BYTES;
        // Release, not plain: the slot may not be overwritten before the generation before is
        // visible, by which the device
        // knows that the slot's old content is gone (Translator.catchUp is the partner).
        ControlPage.setRelease(page, slot, invalidation);
        // Release: who sees the generation sees its slot and the cleared table entries. Partner:
        // Translator.enter.
        ControlPage.setRelease(page, ControlPageDescriptor.REQUESTED_OFFSET, requested);
    }

    /**
     * Whether the device can use nothing that was invalid before the last request: it has caught
     * up, or is outside a DMA section and will catch up when it enters. Only after a full fence
     * that followed the request.
     */
    public boolean isSettled() {
        // Acquire: the device's memory accesses of a section it has left, or of one before it
        // caught up, are over.
        return ControlPage.getAcquire(page, ControlPageDescriptor.INSIDE_OFFSET) == 0
                || ControlPage.getAcquire(page, ControlPageDescriptor.COMPLETED_OFFSET)
                        == requested;
    }

    /** Generations asked for so far. */
    public long requested() {
        return requested;
    }

    /**
     * Takes the oldest fault, or null if there is none. What the device wrote is copied, then
     * checked; what makes no sense is counted as garbled and skipped.
     *
     * @param device the name to put in the fault
     */
    public Fault takeFault(String device) {
        // At most a ring's worth: a device that garbles as fast as we read may not keep us here.
        for (int look = 0; look < ControlPageDescriptor.FAULTS; look++) {
            long put = ControlPage.getAcquire(page, ControlPageDescriptor.FAULTS_PUT_OFFSET);
            long waiting = put - faultsTaken;
            if (waiting == 0) {
                return null;
            }
            if (waiting < 0 || waiting > ControlPageDescriptor.FAULTS) {
                // No honest device gets here: it may not pass what was taken by more than the ring
                // holds.
                faultsGarbled++;
                faultsTaken = put;
                publishTaken();
                return null;
            }
            Fault fault = readFault(device, faultsTaken & FAULT_MASK);
            faultsTaken++;
            publishTaken();
            if (fault != null) {
                return fault;
            }
            faultsGarbled++;
        }
        return null;
    }

    private void publishTaken() {
        // Release: the slot has been copied before the device may write it again. Partner:
        // FaultRing.put.
        ControlPage.setRelease(page, ControlPageDescriptor.FAULTS_TAKEN_OFFSET, faultsTaken);
    }

    private Fault readFault(String device, long index) {
        long slot =
                ControlPageDescriptor.FAULT_RING_OFFSET
                        + index * ControlPageDescriptor.FAULT_SLOT_BYTES;
        long iova = page.get(ValueLayout.JAVA_LONG, slot + ControlPageDescriptor.FAULT_IOVA_OFFSET);
        int access =
                page.get(ValueLayout.JAVA_INT, slot + ControlPageDescriptor.FAULT_ACCESS_OFFSET);
        FaultReason reason =
                FaultReason.ofCode(
                        page.get(
                                ValueLayout.JAVA_INT,
                                slot + ControlPageDescriptor.FAULT_REASON_OFFSET));
        if (reason == null || (access & ~Access.READ_WRITE) != 0) {
            return null;
        }
        return new Fault(device, iova, access, reason);
    }

    /** Entries of the fault ring that made no sense. */
    public long faultsGarbled() {
        return faultsGarbled;
    }

    /** What the device says it has counted; each number is one moment's, the set is not. */
    public DeviceCounters counters() {
        return new DeviceCounters(
                counter(ControlPageDescriptor.TRANSLATIONS_OFFSET),
                counter(ControlPageDescriptor.HITS_OFFSET),
                counter(ControlPageDescriptor.MISSES_OFFSET),
                counter(ControlPageDescriptor.EVICTIONS_OFFSET),
                counter(ControlPageDescriptor.DROPPED_OFFSET),
                counter(ControlPageDescriptor.FLUSHES_OFFSET),
                counter(ControlPageDescriptor.SECTIONS_OFFSET),
                counter(ControlPageDescriptor.FAULTS_OFFSET),
                counter(ControlPageDescriptor.FAULTS_LOST_OFFSET),
                counter(ControlPageDescriptor.STALE_HELD_OFFSET));
    }

    private long counter(long offset) {
        return ControlPage.getOpaque(page, offset);
    }
}
