package dev.outboard.perf.nvmeperf;

import dev.outboard.dma.Strategy;
import dev.outboard.perf.setup.Names;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What stands between the driver's memory and the controller.
 *
 * @param owner who keeps translations
 * @param strategy of the mapping service
 */
record Case(Keeper owner, Strategy strategy) {
    /** Who keeps translations. */
    enum Keeper {
        /** All memory is one window: strategy off. */
        NONE,
        /** The controller's process, window by window: DMA_MAP and DMA_UNMAP. */
        DEVICE,
        /** An IOMMU of ours, in the driver's process. */
        DRIVER
    }

    /** The cases of some owners and strategies: off has no owner, and the others have no off. */
    static List<Case> of(List<Keeper> owners, List<Strategy> strategies) {
        var cases = new ArrayList<Case>();
        for (var owner : owners) {
            if (owner == Keeper.NONE) {
                cases.add(new Case(owner, Strategy.OFF));
                continue;
            }
            for (var strategy : strategies) {
                if (strategy != Strategy.OFF) {
                    cases.add(new Case(owner, strategy));
                }
            }
        }
        return cases;
    }

    /** What the controller is told of it. */
    List<String> deviceWords(Path iommu) {
        return owner == Keeper.DRIVER ? List.of("--iommu", "unix:" + iommu) : List.of();
    }

    /** What the driver is told of it. */
    List<String> driverWords(Path iommu) {
        return switch (owner) {
            case NONE -> List.of("--strategy", "off");
            case DEVICE -> List.of("--strategy", Names.of(strategy));
            case DRIVER -> List.of("--strategy", Names.of(strategy), "--iommu", "unix:" + iommu);
        };
    }

    @Override
    public String toString() {
        return owner == Keeper.NONE ? "off" : Names.of(owner) + ", " + Names.of(strategy);
    }
}
