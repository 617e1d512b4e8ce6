package dev.outboard.dma;

import java.util.ArrayList;
import java.util.List;

/**
 * Memory of others that may be mapped like the memory it was granted to; never changed, replaced.
 */
final class GrantedRuns {
    static final GrantedRuns NONE = new GrantedRuns(new Run[0]);

    private final Run[] runs;

    /**
     * One grant.
     *
     * @param access the most it may be mapped for, bits of {@link dev.outboard.iommu.Access}
     */
    record Run(long start, long lengthBytes, int access) {}

    private GrantedRuns(Run[] runs) {
        this.runs = runs;
    }

    GrantedRuns with(Run run) {
        List<Run> more = new ArrayList<>(List.of(runs));
        more.add(run);
        return new GrantedRuns(more.toArray(Run[]::new));
    }

    /** Without one that begins there and is that long; the same if there is none. */
    GrantedRuns without(long start, long lengthBytes) {
        List<Run> fewer = new ArrayList<>(List.of(runs));
        for (Run run : runs) {
            if (run.start() == start && run.lengthBytes() == lengthBytes) {
                fewer.remove(run);
                break;
            }
        }
        return new GrantedRuns(fewer.toArray(Run[]::new));
    }

    /** Whether all these bytes, at least one, are of one grant. */
    boolean contains(long physicalAddress, long lengthBytes) {
        for (Run run : runs) {
            long offset = physicalAddress - run.start();
            if (offset >= 0 && lengthBytes > 0 && offset <= run.lengthBytes() - lengthBytes) {
                return true;
            }
        }
        return false;
    }

    void tell(FrameHolder holder) {
        for (Run run : runs) {
            holder.granted(run.start(), run.lengthBytes(), run.access());
        }
    }
}
