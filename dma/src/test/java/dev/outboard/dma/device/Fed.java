package dev.outboard.dma.device;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.iommu.Fault;
import dev.outboard.uio.Resources;
import dev.outboard.uio.vhost.VhostFeatures;
import dev.outboard.uio.vhost.VhostFrontEnd;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A domain, and the device that it feeds, connected. */
final class Fed implements AutoCloseable {
    static final String NAME = "nic0";

    final IotlbDevice device;
    final VhostFrontEnd frontEnd;
    final PhysicalMemory memory;
    final DeviceDomain domain;
    final List<Fault> faults = new CopyOnWriteArrayList<>();
    final List<RuntimeException> failures = new CopyOnWriteArrayList<>();
    private final DeviceDomains domains = new DeviceDomains();
    private final Resources resources = new Resources();

    Fed(Path directory) {
        this(directory, DomainOptions.DEFAULT.withTableEntries(8192));
    }

    Fed(Path directory, DomainOptions options) {
        Path socket = directory.resolve("iotlb.sock");
        device = resources.add(new IotlbDevice(socket));
        memory = resources.add(domains.memory(4 << 20));
        resources.add(domains);
        domain = domains.claim(NAME, memory, options);
        frontEnd = resources.add(VhostFrontEnd.connect(socket, 1_000_000_000L));
        frontEnd.setOwner();
        frontEnd.setProtocolFeatures(
                VhostFeatures.PROTOCOL_REPLY_ACK | VhostFeatures.PROTOCOL_BACKEND_REQ);
        frontEnd.setFeatures(VhostFeatures.ACCESS_PLATFORM | VhostFeatures.PROTOCOL_FEATURES);
        domain.onFault(faults::add);
    }

    Fed attach() {
        domain.attach(frontEnd, failures::add);
        return this;
    }

    /** Waits until nothing that the device asks from now on passes for a late question. */
    void awaitQuiet() throws InterruptedException {
        while (!domain.cleared().isQuiet()) {
            Thread.sleep(1);
        }
    }

    void awaitFaults(int count) {
        long deadline = System.nanoTime() + 10_000_000_000L;
        while (faults.size() < count) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("faults: " + faults);
            }
            Thread.onSpinWait();
        }
    }

    @Override
    public void close() {
        domain.detach();
        resources.close();
    }
}
