package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The owner's side of one device's control page: lanes that ask for invalidations, faults taken,
 * counters read.
 *
 * <p>Nothing the owner relies on is read back from the page: the device could have overwritten it.
 * A {@link #lane} is one thread's; {@link #setLanes} and {@link #takeFault} each belong to one
 * thread at a time. No method of the flush allocates.
 */
public final class OwnerControl {
    private static final int FAULT_MASK = ControlPageDescriptor.FAULTS - 1;

    private final MemorySegment page;
    private final InvalidationLane[] lanes = new InvalidationLane[ControlPageDescriptor.MAX_LANES];
    private int lanesUsed = 1;
    private long faultsTaken;
    private long faultsGarbled;

    /** Takes zeroed memory that holds a control page; the memory must outlive this. */
    public OwnerControl(MemorySegment page) {
        this.page = ControlPage.checked(page);
        for (int index = 0; index < lanes.length; index++) {
            lanes[index] = new InvalidationLane(page, index);
        }
    }

    /** A lane, from 0; lanes beyond the first are looked at only after {@link #setLanes}. */
    public InvalidationLane lane(int index) {
        return lanes[index];
    }

    /**
     * Has the device look at so many lanes from its next DMA section on; fewer than before changes
     * nothing. Before the first request on a new lane.
     */
    public void setLanes(int count) {
        if (count > lanesUsed) {
            lanesUsed = count;
            // Opaque: the fence between a request on the new lane and the look at "inside" makes
            // it visible in time. Partner: the fence in Translator.enter.
            ControlPage.setOpaque(page, ControlPageDescriptor.LANES_OFFSET, count);
        }
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
        long translations = counter(DeviceCounter.TRANSLATIONS);
        long misses = counter(DeviceCounter.MISSES);
        long atsMisses = counter(DeviceCounter.ATS_MISSES);
        // A device with a cache of its own misses in it first of all.
        boolean hasAts = atsMisses > 0;
        return new DeviceCounters(
                translations,
                // Not one moment's: the device may be telling them just now.
                Math.max(0, (hasAts ? atsMisses : translations) - misses),
                misses,
                counter(DeviceCounter.EVICTIONS),
                counter(DeviceCounter.INVALIDATIONS),
                counter(DeviceCounter.FLUSHES),
                counter(DeviceCounter.DOMAIN_FLUSHES),
                counter(DeviceCounter.SUPERPAGE_HITS),
                counter(DeviceCounter.PREFETCHES),
                counter(DeviceCounter.PREFETCHES_USED),
                hasAts ? Math.max(0, translations - atsMisses) : 0,
                atsMisses,
                counter(DeviceCounter.ATS_INVALIDATIONS),
                counter(DeviceCounter.SECTIONS),
                counter(DeviceCounter.FAULTS),
                counter(DeviceCounter.FAULTS_LOST),
                counter(DeviceCounter.STALE_HELD));
    }

    private long counter(DeviceCounter counter) {
        return ControlPage.getOpaque(page, counter.offset);
    }
}
