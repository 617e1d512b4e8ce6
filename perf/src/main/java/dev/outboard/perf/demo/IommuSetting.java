package dev.outboard.perf.demo;

import java.nio.file.Path;
import java.util.List;

/**
 * How the DMA of a trial is protected.
 *
 * @param iommu the table's format, or {@code off}
 * @param strategy {@code off}, {@code strict} or {@code deferred}
 */
record IommuSetting(String iommu, String strategy) {
    static final IommuSetting OFF = new IommuSetting("off", "off");

    boolean isTranslated() {
        return !equals(OFF);
    }

    /** Who owns the IOMMU. */
    String owner() {
        return isTranslated() ? "driver" : "none";
    }

    /** What {@code outboard run} is told, for a device that attaches at this socket. */
    List<String> runWords(Path iommuSocket) {
        return isTranslated()
                ? List.of(
                        "--strategy", strategy, "--format", iommu, "--iommu", "unix:" + iommuSocket)
                : List.of("--strategy", "off");
    }

    @Override
    public String toString() {
        return isTranslated() ? iommu + " " + strategy : "IOMMU off";
    }
}
