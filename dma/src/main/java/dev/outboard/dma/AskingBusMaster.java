package dev.outboard.dma;

import dev.outboard.uio.vhost.IotlbMessage;
import dev.outboard.uio.vhost.MemoryRegion;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/**
 * A device's bus master behind an IOMMU of its front-end: every address it uses is an IOVA, looked
 * up in an IOTLB of the device's own, which the front-end fills and empties by messages
 * (VIRTIO_F_ACCESS_PLATFORM, VHOST_USER_IOTLB_MSG).
 *
 * <pre>
 *   resolve ──► IotlbRanges ──► region of the memory table, offset
 *      │ miss        ▲ update, invalidate: between DMA sections only
 *      ▼             │
 *   Asker ──────► front-end; meanwhile resolve says "awaited", then a fault
 * </pre>
 *
 * <p>Nobody waits in here. A translation that is not known is asked for, and the access is neither
 * done nor refused: {@link #isAwaited}. It is refused when the front-end says that there is none,
 * gives one without the right that is wanted, or says nothing within the limit.
 *
 * <p>Within a DMA section nothing is forgotten: what was resolved in it once resolves again. As
 * messages are taken between sections, no DMA of a range is in flight when its invalidation is
 * answered.
 *
 * <p>One thread, the device's. {@link #enter}, {@link #exit} and {@link #resolve} allocate nothing.
 * What the front-end says is checked before anything is changed by it. Source: vhost-user.rst,
 * "IOMMU support".
 */
public final class AskingBusMaster implements BusMaster {
    /** Translations that are known at once, as in DPDK's back-end. */
    static final int CAPACITY = 2048;

    private final MemoryTable table;

    /** The table's, by slot: regions that come and go are seen here at once. */
    private final MemorySegment[] memories;

    private final Asker asker;
    private final AskedCounters counters;
    private final IotlbRanges iotlb;
    private final AwaitedMisses misses;
    private boolean inside;
    private boolean closed;
    private boolean awaited;
    private long generation;
    private long changes;

    /** How the front-end is asked. */
    public interface Asker {
        /**
         * Asks for a translation.
         *
         * @param access bits of {@link dev.outboard.iommu.Access}
         * @return by which {@link #answered} knows it again; negative if it cannot be asked now
         */
        long ask(long iova, int access);

        /** Tells that an access was refused here, for which there was no answer. */
        void failed(long iova, int access);
    }

    /**
     * A bus master that knows no translation yet.
     *
     * @param table what the front-end gave; this owns it from now on
     * @param limitNanos how long a translation is awaited
     */
    public AskingBusMaster(
            MemoryTable table, Asker asker, long limitNanos, AskedCounters counters) {
        this(table, asker, limitNanos, counters, CAPACITY);
    }

    AskingBusMaster(
            MemoryTable table, Asker asker, long limitNanos, AskedCounters counters, int capacity) {
        this.table = table;
        this.asker = asker;
        this.counters = counters;
        memories = table.memories();
        iotlb = new IotlbRanges(capacity, new SplittableRandom());
        misses = new AwaitedMisses(limitNanos);
    }

    @Override
    public long enter() {
        if (inside || closed) {
            throw new IllegalStateException(
                    closed ? "the bus master is closed" : "a DMA section is open already");
        }
        inside = true;
        return generation;
    }

    /** Nothing changes within a section, and who flushes waits for its end. */
    @Override
    public long checkpoint() {
        return generation;
    }

    @Override
    public void exit() {
        inside = false;
    }

    @Override
    public boolean resolve(long iova, long lengthBytes, int access, DmaWindow window) {
        if (!inside) {
            throw new IllegalStateException("DMA outside a section: enter first");
        }
        awaited = false;
        if (lengthBytes <= 0) {
            counters.add(AskedCounters.FAULTS, 1);
            return false;
        }
        int entry = iotlb.find(iova);
        if (entry == IotlbRanges.NONE || (access & ~iotlb.access(entry)) != 0) {
            return miss(iova, access);
        }
        counters.add(AskedCounters.HITS, 1);
        window.set(
                memories[iotlb.region(entry)],
                iotlb.offset(entry, iova),
                Math.min(lengthBytes, iotlb.lengthFrom(entry, iova)));
        return true;
    }

    private boolean miss(long iova, int access) {
        long now = System.nanoTime();
        int slot = misses.find(iova, access);
        if (slot != AwaitedMisses.NONE && misses.isStale(slot, now)) {
            misses.end(slot);
            slot = AwaitedMisses.NONE;
        }
        if (slot == AwaitedMisses.NONE) {
            slot = misses.begin(iova, access, now);
            if (slot == AwaitedMisses.NONE) {
                return refuse(iova, access);
            }
        }
        return switch (misses.state(slot)) {
            case AWAITED -> await(slot, iova, access);
            case REFUSED -> {
                // Whoever said so knows of the fault.
                misses.end(slot);
                counters.add(AskedCounters.FAULTS, 1);
                yield false;
            }
            case DENIED -> {
                misses.end(slot);
                yield refuse(iova, access);
            }
            case LATE -> {
                misses.end(slot);
                counters.add(AskedCounters.LATE, 1);
                yield refuse(iova, access);
            }
        };
    }

    private boolean await(int slot, long iova, int access) {
        ask(slot, iova, access);
        awaited = true;
        return false;
    }

    private void ask(int slot, long iova, int access) {
        if (!misses.isAsked(slot)) {
            long question = asker.ask(iova, access);
            if (question >= 0) {
                misses.asked(slot, question);
                counters.add(AskedCounters.MISSES, 1);
            }
        }
    }

    private boolean refuse(long iova, int access) {
        counters.add(AskedCounters.FAULTS, 1);
        asker.failed(iova, access);
        return false;
    }

    @Override
    public boolean isAwaited() {
        return awaited;
    }

    /**
     * Changes whenever an access that was awaited may go on, or be refused: till then there is no
     * sense in trying again.
     */
    public long changes() {
        return changes;
    }

    /**
     * Asks what could not be asked before, and ends the wait for translations that did not come in
     * time: the next try tells.
     */
    public void tend(long nowNanos) {
        for (int slot = 0; slot < misses.count(); slot++) {
            ask(slot, misses.iova(slot), misses.access(slot));
        }
        if (misses.expire(nowNanos)) {
            changes++;
        }
    }

    /** In how long {@link #tend} has something to do, or -1 when nothing is awaited. */
    public long leftNanos(long nowNanos) {
        return misses.leftNanos(nowNanos);
    }

    /**
     * Does what the front-end says: learns a translation, or forgets some.
     *
     * @param told an update or an invalidation
     * @throws IllegalArgumentException if an update leads out of the memory table; nothing is
     *     changed
     * @throws IllegalStateException within a DMA section
     */
    public void obey(IotlbMessage told) {
        requireOutside();
        if (told.type() == IotlbMessage.INVALIDATE) {
            counters.add(AskedCounters.INVALIDATIONS, 1);
            if (told.lengthBytes() != 0 && iotlb.drop(told.iova(), told.lastIova())) {
                generation++;
            }
            return;
        }
        requireMemory(told);
        counters.add(AskedCounters.UPDATES, 1);
        long evictedBefore = iotlb.evictions();
        long done = 0;
        while (done < told.lengthBytes()) {
            int region = table.regionOfUser(told.userAddress() + done);
            long offset = told.userAddress() + done - table.userStart(region);
            long part = Math.min(told.lengthBytes() - done, memories[region].byteSize() - offset);
            if (iotlb.put(told.iova() + done, part, region, offset, told.access())) {
                generation++;
            }
            done += part;
        }
        counters.add(AskedCounters.EVICTIONS, iotlb.evictions() - evictedBefore);
        misses.given(told.iova(), told.lengthBytes(), told.access());
        changes++;
    }

    /** A range may go over from one region into another, as long as there is one. */
    private void requireMemory(IotlbMessage told) {
        long done = 0;
        while (done < told.lengthBytes()) {
            int region = table.regionOfUser(told.userAddress() + done);
            if (region < 0) {
                throw new IllegalArgumentException(
                        "user address 0x%x is in no region of the memory table: %s"
                                .formatted(told.userAddress() + done, told));
            }
            done +=
                    memories[region].byteSize()
                            - (told.userAddress() + done - table.userStart(region));
        }
    }

    /**
     * The front-end gives one more region, into which it may lead translations from now on.
     *
     * @throws IllegalArgumentException or {@link IllegalStateException} as {@link MemoryTable#add}
     */
    public void add(MemoryRegion region) {
        try {
            requireOutside();
        } catch (IllegalStateException refused) {
            region.descriptor().close();
            throw refused;
        }
        table.add(region);
    }

    /**
     * The front-end takes a region back: every translation into it is forgotten with it.
     *
     * @throws IllegalArgumentException or {@link IllegalStateException} as {@link
     *     MemoryTable#remove}
     */
    public void remove(MemoryRegion region) {
        requireOutside();
        if (iotlb.dropRegion(table.remove(region))) {
            generation++;
        }
    }

    private void requireOutside() {
        if (inside || closed) {
            throw new IllegalStateException(
                    closed
                            ? "the bus master is closed"
                            : "memory and translations change only outside a section");
        }
    }

    /** The front-end answered a question: one that it gives is on its way. */
    public void answered(long question, boolean given) {
        if (!given) {
            misses.refuse(question);
            changes++;
        }
    }

    /** Nobody comes back for what is awaited, or whoever was asked is there no more. */
    public void forgetMisses() {
        misses.clear();
        changes++;
    }

    /** Rings are named by IOVA. */
    @Override
    public long ringAddress(long vringAddress) {
        return vringAddress;
    }

    @Override
    public boolean isTranslated() {
        return true;
    }

    /** How many translations are known. */
    public int known() {
        return iotlb.count();
    }

    @Override
    public void close() {
        if (!closed) {
            exit();
            closed = true;
            table.close();
        }
    }
}
