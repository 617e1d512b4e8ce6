package dev.outboard.dma;

import dev.outboard.iommu.CalgaryFormat;
import dev.outboard.iommu.IotlbGeometry;
import dev.outboard.iommu.TceFormat;

/**
 * What an I/O address space is made of.
 *
 * @param format layout of the entries
 * @param tableEntries pages of IOVA
 * @param iotlb shape of the translation cache that each device gets
 * @param flushLimitNanos how long a flush waits for a device that does not leave its DMA section
 */
public record DomainOptions(
        TceFormat format, int tableEntries, IotlbGeometry iotlb, long flushLimitNanos) {
    /** Calgary, 256 Ki entries (1 GiB of IOVA), the default IOTLB, ten seconds. */
    public static final DomainOptions DEFAULT =
            new DomainOptions(
                    CalgaryFormat.INSTANCE, 256 * 1024, IotlbGeometry.DEFAULT, 10_000_000_000L);

    /** Checks that the format has such a table. */
    public DomainOptions {
        if (!format.isTableSize(tableEntries)) {
            throw new IllegalArgumentException(
                    "tableEntries=%d is no size of a %s table (at most %d)"
                            .formatted(tableEntries, format.title(), format.maxEntries()));
        }
        if (flushLimitNanos <= 0) {
            throw new IllegalArgumentException(
                    "flushLimitNanos=" + flushLimitNanos + " is not positive");
        }
    }

    /** The same with another format, and its largest table if it has none of the present size. */
    public DomainOptions withFormat(TceFormat other) {
        int entries = other.isTableSize(tableEntries) ? tableEntries : other.maxEntries();
        return new DomainOptions(other, entries, iotlb, flushLimitNanos);
    }

    /** The same with another table size. */
    public DomainOptions withTableEntries(int entries) {
        return new DomainOptions(format, entries, iotlb, flushLimitNanos);
    }

    /** The same with another IOTLB. */
    public DomainOptions withIotlb(IotlbGeometry other) {
        return new DomainOptions(format, tableEntries, other, flushLimitNanos);
    }

    /** The same with another limit. */
    public DomainOptions withFlushLimitNanos(long limitNanos) {
        return new DomainOptions(format, tableEntries, iotlb, limitNanos);
    }
}
