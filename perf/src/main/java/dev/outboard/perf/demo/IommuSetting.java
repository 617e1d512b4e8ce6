package dev.outboard.perf.demo;

import java.nio.file.Path;
import java.util.List;

/**
 * How the DMA of a trial is protected.
 *
 * @param iommu the table's format, or {@code off}
 * @param strategy the strategy's word, or {@code off}
 * @param owner who owns the IOMMU: {@code none}, {@code driver} or {@code mediator}
 */
record IommuSetting(String iommu, String strategy, String owner) {
    static final IommuSetting OFF = new IommuSetting("off", "off", "none");

    private static final String MEDIATOR = "mediator";

    /** Owned by the driver's process. */
    static IommuSetting driver(String iommu, String strategy) {
        return new IommuSetting(iommu, strategy, "driver");
    }

    /** Owned by the mediator. */
    static IommuSetting mediator(String iommu, String strategy) {
        return new IommuSetting(iommu, strategy, MEDIATOR);
    }

    boolean isTranslated() {
        return !equals(OFF);
    }

    boolean isMediated() {
        return owner.equals(MEDIATOR);
    }

    /**
     * What {@code outboard run} is told.
     *
     * @param socket where the device attaches, or of a mediator where drivers connect
     */
    List<String> runWords(Path socket) {
        return isTranslated()
                ? List.of(
                        "--strategy",
                        strategy,
                        "--format",
                        iommu,
                        isMediated() ? "--mediator" : "--iommu",
                        "unix:" + socket)
                : List.of("--strategy", "off");
    }

    @Override
    public String toString() {
        return isTranslated()
                ? iommu + " " + strategy + (isMediated() ? " by mediator" : "")
                : "IOMMU off";
    }
}
