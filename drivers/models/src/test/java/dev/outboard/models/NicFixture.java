package dev.outboard.models;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** A switch in a test, and drivers to connect to it. */
abstract class NicFixture {
    static final MacAddress A = MacAddress.parse("02:00:00:00:00:0a");
    static final MacAddress B = MacAddress.parse("02:00:00:00:00:0b");
    static final MacAddress C = MacAddress.parse("02:00:00:00:00:0c");
    static final MacAddress ALL = new MacAddress(0xffff_ffff_ffffL);

    @TempDir Path directory;
    private final List<AutoCloseable> opened = new ArrayList<>();
    NicModel model;

    final <T extends AutoCloseable> T opened(T resource) {
        opened.add(resource);
        return resource;
    }

    @AfterEach
    void close() throws Exception {
        for (var resource : opened.reversed()) {
            resource.close();
        }
    }

    final Path socket(int port) {
        return directory.resolve("nic" + port + ".sock");
    }

    final Path iommu(int port) {
        return directory.resolve("iommu" + port + ".sock");
    }

    final void startModel(int ports, boolean translated, long backPressureNanos) {
        var options = new NicPortOptions[ports];
        for (int i = 0; i < ports; i++) {
            options[i] =
                    NicPortOptions.at(socket(i)).withIommu(translated ? iommu(i) : null).withMac(A);
        }
        model =
                opened(
                        new NicModel(
                                NicOptions.of(options).withBackPressureNanos(backPressureNanos)));
        model.start();
    }

    final void startModel(int ports, boolean translated) {
        startModel(ports, translated, NicOptions.DEFAULT_BACK_PRESSURE_NANOS);
    }

    final NicDriver driver(int port, boolean translated) {
        return opened(NicDriver.start(socket(port), translated ? iommu(port) : null));
    }

    final NicPortStatistics port(int index) {
        return model.statistics().ports().get(index);
    }
}
