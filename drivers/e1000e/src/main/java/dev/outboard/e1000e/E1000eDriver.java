package dev.outboard.e1000e;

import dev.outboard.driver.Device;
import dev.outboard.driver.Driver;
import dev.outboard.driver.Match;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;

/** Drives Intel's 82574L, and QEMU's {@code e1000e}. */
public final class E1000eDriver implements Driver {
    private static final int INTEL = 0x8086;
    private static final int I82574L = 0x10d3;

    /** For the service loader. */
    public E1000eDriver() {}

    @Override
    public String name() {
        return "e1000e";
    }

    @Override
    public Match match() {
        return Match.pci(INTEL, I82574L);
    }

    @Override
    public Class<NetworkService> service() {
        return NetworkService.class;
    }

    @Override
    public Service start(Device device) {
        return E1000e.start(device);
    }
}
