package dev.outboard.dma;

import java.util.ArrayList;
import java.util.List;

/**
 * Collects who has memory that is to go, to name them: the first few by name, the others by number.
 * One thread.
 */
final class MemoryUse {
    private static final int NAMED = 3;
    private static final String[] UNITS = {"bytes", "KiB", "MiB", "GiB"};

    private final List<String> mappings = new ArrayList<>();
    private final List<String> grants = new ArrayList<>();
    private final List<String> buffers = new ArrayList<>();
    private int mappingCount;
    private int grantCount;
    private int bufferCount;
    private long heldBytes;

    void mapping(String service, long iova, long lengthBytes) {
        if (mappingCount++ < NAMED) {
            mappings.add("%s: iova=0x%x of %d bytes".formatted(service, iova, lengthBytes));
        }
    }

    void grant(String service, long physicalAddress, long lengthBytes) {
        if (grantCount++ < NAMED) {
            grants.add("%s: 0x%x+%s".formatted(service, physicalAddress, text(lengthBytes)));
        }
    }

    void buffer(long physicalAddress, long lengthBytes) {
        if (bufferCount++ < NAMED) {
            buffers.add("0x%x+%s".formatted(physicalAddress, text(lengthBytes)));
        }
    }

    /** Given back, and a device may still reach them. */
    void held(long bytes) {
        heldBytes += bytes;
    }

    boolean isNone() {
        return mappingCount + grantCount + bufferCount == 0 && heldBytes == 0;
    }

    MemoryInUseException inUse(long physicalAddress, long lengthBytes) {
        List<String> parts = new ArrayList<>();
        add(parts, mappingCount, "mapping", mappings);
        add(parts, grantCount, "grant", grants);
        add(parts, bufferCount, "allocated buffer", buffers);
        if (heldBytes > 0) {
            parts.add(text(heldBytes) + " given back that a device may still reach");
        }
        return new MemoryInUseException(
                "0x%x+%s is in use: %s: close them first, or unplug by force (--force)"
                        .formatted(physicalAddress, text(lengthBytes), String.join(", ", parts)));
    }

    private static void add(List<String> parts, int count, String what, List<String> named) {
        if (count > 0) {
            parts.add(
                    "%d %s%s (%s%s)"
                            .formatted(
                                    count,
                                    what,
                                    count == 1 ? "" : "s",
                                    String.join(", ", named),
                                    count > named.size() ? ", …" : ""));
        }
    }

    /** A length in the largest unit that it is a multiple of. */
    static String text(long bytes) {
        int unit = 0;
        long value = bytes;
        while (unit < UNITS.length - 1 && value != 0 && value % 1024 == 0) {
            value /= 1024;
            unit++;
        }
        return value + " " + UNITS[unit];
    }
}
