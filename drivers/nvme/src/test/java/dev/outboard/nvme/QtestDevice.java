package dev.outboard.nvme;

import dev.outboard.dma.Dma;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.dma.pool.PagePool;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceId;
import dev.outboard.driver.QueueTransport;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Registers;
import dev.outboard.uio.WaitPolicy;
import dev.outboard.uio.pci.PciFunction;
import dev.outboard.uio.pci.PciIdentity;
import dev.outboard.uio.qtest.QemuProcess;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** A device of a QEMU without a guest, with memory that both reach and no IOMMU between. */
final class QtestDevice implements Device, AutoCloseable {
    final QemuProcess qemu;
    final PhysicalMemory memory;
    private final Dma dma;
    private final PciFunction function;
    private final List<EventDescriptor> events = new ArrayList<>();

    private final List<Dma> services = new ArrayList<>();
    private final int queues;

    private QtestDevice(QemuProcess qemu, PhysicalMemory memory, String place, int queues) {
        this.qemu = qemu;
        this.memory = memory;
        this.queues = queues;
        dma = Dma.off(memory);
        function = qemu.machine().open(place);
        for (int vector = 0; vector < Math.min(queues + 1, function.maximumVectors()); vector++) {
            events.add(EventDescriptor.create());
        }
        function.signal(events);
        function.allowDma(true);
    }

    /**
     * A machine with one device at place 04.0.
     *
     * @param queues the most that the driver is to open
     */
    static QtestDevice start(Path directory, int queues, String... options) {
        PhysicalMemory memory = PhysicalMemory.create(16 << 20);
        PhysicalSegment segment = memory.segments().getFirst();
        Path file =
                Path.of(
                        "/proc/%d/fd/%d"
                                .formatted(
                                        ProcessHandle.current().pid(),
                                        segment.descriptor().number()));
        var all =
                new ArrayList<>(
                        QemuProcess.memory(
                                "dimm", file, segment.physicalAddress(), segment.lengthBytes()));
        all.addAll(List.of(options));
        return new QtestDevice(QemuProcess.start(directory, all), memory, "00:04.0", queues);
    }

    @Override
    public String name() {
        return function.name();
    }

    @Override
    public DeviceId id() {
        var identity = PciIdentity.of(function.configuration());
        return new DeviceId("pci", identity.vendor(), identity.device(), identity.classCode());
    }

    @Override
    public Dma dma() {
        return dma;
    }

    @Override
    public Dma openDma() {
        Dma service = Dma.off(memory);
        services.add(service);
        return service;
    }

    @Override
    public int queueLimit() {
        return queues;
    }

    /** Mappings of all services that were not undone. */
    long liveMappings() {
        return dma.statistics().liveMappings()
                + services.stream().mapToLong(one -> one.statistics().liveMappings()).sum();
    }

    @Override
    public Registers registers(int region) {
        return function.region(region);
    }

    @Override
    public QueueTransport queues() {
        throw new DeviceException(name() + " is no set of queues");
    }

    @Override
    public Interrupt interrupt(int vector, BooleanSupplier hasWork) {
        var line =
                new InterruptLine() {
                    @Override
                    public boolean unmask() {
                        return hasWork.getAsBoolean();
                    }

                    @Override
                    public void mask() {
                        // A message-signalled interrupt comes once; it needs no mask.
                    }

                    @Override
                    public boolean isPending() {
                        return hasWork.getAsBoolean();
                    }
                };
        if (vector < 0 || vector >= events.size()) {
            throw new DeviceException(name() + " has no vector " + vector);
        }
        var event = EventDescriptor.adopt(events.get(vector).descriptor().duplicate());
        return Interrupt.open(name() + " vector " + vector, line, event, WaitPolicy.BLOCK);
    }

    @Override
    public PagePool pages() {
        throw new DeviceException(name() + " has no pool in this test");
    }

    @Override
    public boolean isLost() {
        return qemu.machine().isGone();
    }

    @Override
    public void close() {
        function.close();
        qemu.close();
        events.forEach(EventDescriptor::close);
        dma.close();
        memory.close();
    }
}
