package dev.outboard.dma;

import dev.outboard.iommu.CalgaryFormat;
import dev.outboard.iommu.ControlPageDescriptor;
import dev.outboard.iommu.IotlbGeometry;
import dev.outboard.iommu.IovaAllocation;
import dev.outboard.iommu.TableFormat;
import dev.outboard.uio.WaitPolicy;

/**
 * What an I/O address space is made of.
 *
 * @param format layout of the entries
 * @param tableEntries smallest entries of the table: pages of IOVA, or granules of larger ones
 * @param iotlb shape of the translation cache that each device gets
 * @param flushWait how long a flush looks before it sleeps, while it waits for a device inside a
 *     DMA section
 * @param flushLimitNanos how long a flush waits for a device that does not leave its DMA section
 * @param services the most mapping services at a time, one a thread; they share IOVA, table and
 *     devices
 * @param allocation how IOVA is handed out
 */
public record DomainOptions(
        TableFormat format,
        int tableEntries,
        IotlbGeometry iotlb,
        WaitPolicy flushWait,
        long flushLimitNanos,
        int services,
        IovaAllocation allocation) {
    /** The most mapping services of one domain: each flushes by a lane, its timer by another. */
    public static final int MAX_SERVICES = ControlPageDescriptor.MAX_LANES / 2;

    /**
     * Calgary, 256 Ki entries (1 GiB of IOVA), the default IOTLB, ten seconds at most for a flush,
     * one mapping service, next fit.
     */
    public static final DomainOptions DEFAULT =
            new DomainOptions(
                    CalgaryFormat.INSTANCE,
                    256 * 1024,
                    IotlbGeometry.DEFAULT,
                    WaitPolicy.DEFAULT,
                    10_000_000_000L,
                    1,
                    IovaAllocation.NEXT_FIT);

    /** Checks that the format has such a table. */
    public DomainOptions {
        if (!format.isTableSize(tableEntries)) {
            throw new IllegalArgumentException(
                    "tableEntries=%d is no size of a %s table (at most %d)"
                            .formatted(tableEntries, format.title(), format.maxEntries()));
        }
        if (iotlb == null || flushWait == null || allocation == null) {
            throw new IllegalArgumentException("iotlb, flushWait and allocation are needed");
        }
        if (flushLimitNanos <= 0) {
            throw new IllegalArgumentException(
                    "flushLimitNanos=" + flushLimitNanos + " is not positive");
        }
        if (services < 1 || services > MAX_SERVICES) {
            throw new IllegalArgumentException(
                    "services=" + services + " is not 1 to " + MAX_SERVICES);
        }
    }

    /** Pages of IOVA, of 4 KiB. */
    public long pages() {
        return (long) tableEntries << format.granuleShift();
    }

    /**
     * The same with another format, and a table for as much IOVA, if there is one; see {@link
     * TableFormat#entriesFor}.
     */
    public DomainOptions withFormat(TableFormat other) {
        int entries = other.entriesFor(pages());
        return new DomainOptions(
                other, entries, iotlb, flushWait, flushLimitNanos, services, allocation);
    }

    /** The same with another table size. */
    public DomainOptions withTableEntries(int entries) {
        return new DomainOptions(
                format, entries, iotlb, flushWait, flushLimitNanos, services, allocation);
    }

    /** The same with another IOTLB. */
    public DomainOptions withIotlb(IotlbGeometry other) {
        return new DomainOptions(
                format, tableEntries, other, flushWait, flushLimitNanos, services, allocation);
    }

    /** The same with another way to wait. */
    public DomainOptions withFlushWait(WaitPolicy policy) {
        return new DomainOptions(
                format, tableEntries, iotlb, policy, flushLimitNanos, services, allocation);
    }

    /** The same with another limit. */
    public DomainOptions withFlushLimitNanos(long limitNanos) {
        return new DomainOptions(
                format, tableEntries, iotlb, flushWait, limitNanos, services, allocation);
    }

    /** The same with another number of mapping services. */
    public DomainOptions withServices(int count) {
        return new DomainOptions(
                format, tableEntries, iotlb, flushWait, flushLimitNanos, count, allocation);
    }

    /** The same with IOVA handed out in another way. */
    public DomainOptions withAllocation(IovaAllocation other) {
        return new DomainOptions(
                format, tableEntries, iotlb, flushWait, flushLimitNanos, services, other);
    }
}
