package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The device's side of the fault ring: bounded; what finds it full is counted. One thread, no
 * allocation.
 */
final class FaultRing {
    private static final int MASK = ControlPageDescriptor.FAULTS - 1;

    private final MemorySegment page;
    private long put;
    private long faults;
    private long lost;

    FaultRing(MemorySegment page) {
        this.page = page;
    }

    /** Records a fault; false if the ring was full. */
    boolean put(long iova, int access, FaultReason reason) {
        faults++;
        // Acquire: the owner has copied a slot before it lets it go. Partner:
        // OwnerControl.publishTaken.
        long taken = ControlPage.getAcquire(page, ControlPageDescriptor.FAULTS_TAKEN_OFFSET);
        // A hostile owner's number can only make the ring seem full or lose what it did not read;
        // never write outside.
        if (put - taken >= ControlPageDescriptor.FAULTS) {
            lost++;
            publishCounters();
            return false;
        }
        long slot =
                ControlPageDescriptor.FAULT_RING_OFFSET
                        + (put & MASK) * ControlPageDescriptor.FAULT_SLOT_BYTES;
        page.set(ValueLayout.JAVA_LONG, slot + ControlPageDescriptor.FAULT_IOVA_OFFSET, iova);
        page.set(ValueLayout.JAVA_INT, slot + ControlPageDescriptor.FAULT_ACCESS_OFFSET, access);
        page.set(
                ValueLayout.JAVA_INT,
                slot + ControlPageDescriptor.FAULT_REASON_OFFSET,
                reason.code());
        put++;
        publishCounters();
        // Release: the slot before the count. Partner: OwnerControl.takeFault.
        ControlPage.setRelease(page, ControlPageDescriptor.FAULTS_PUT_OFFSET, put);
        return true;
    }

    private void publishCounters() {
        ControlPage.setOpaque(page, DeviceCounter.FAULTS.offset, faults);
        ControlPage.setOpaque(page, DeviceCounter.FAULTS_LOST.offset, lost);
    }
}
