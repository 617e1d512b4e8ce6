package dev.outboard.models;

import dev.outboard.uio.ProcessControl;
import java.nio.file.Path;

/** A network driver in a process of its own, which sends frames until somebody ends it. */
final class DriverProcess {
    static final MacAddress OWN = MacAddress.parse("02:00:00:00:00:0a");
    static final MacAddress OTHER = MacAddress.parse("02:00:00:00:00:0b");

    /** How many frames a test takes before it kills this. */
    static final int FIRST_RECEIVED = 2000;

    private DriverProcess() {}

    /** Arguments: the port's socket, and where to listen as the owner of its IOMMU, if at all. */
    public static void main(String[] arguments) {
        ProcessControl.dieWithParent();
        Path iommu = arguments.length > 1 ? Path.of(arguments[1]) : null;
        try (var driver = NicDriver.start(Path.of(arguments[0]), iommu)) {
            var frame = NicDriver.frame(OTHER, OWN, 300, 0);
            for (long i = 0; ; i++) {
                driver.send(frame, i % 2 == 0);
            }
        }
    }
}
