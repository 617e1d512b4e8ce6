package dev.outboard.host.run;

import dev.outboard.dma.Dma;
import dev.outboard.dma.pool.PagePool;
import dev.outboard.driver.DeviceId;
import dev.outboard.driver.QueueTransport;
import dev.outboard.host.bus.Bus;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.HostedDevice;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.Registers;
import java.util.List;
import java.util.function.BooleanSupplier;

/** A bus with one device that has nothing, and says when it is opened and closed. */
final class ToyBus implements Bus {
    private final List<String> happened;
    private ToyDevice device;
    private int type = 1;
    private boolean losesItself;

    ToyBus(List<String> happened) {
        this.happened = happened;
    }

    void isOfType(int other) {
        type = other;
    }

    /** The device goes away as soon as somebody wants to know when it does. */
    void losesItself() {
        losesItself = true;
    }

    ToyDevice device() {
        return device;
    }

    @Override
    public String scheme() {
        return "toy";
    }

    @Override
    public String help() {
        return "toy:NAME";
    }

    @Override
    public void check(String location) {}

    @Override
    public String deviceName(String location) {
        return location;
    }

    @Override
    public HostedDevice open(String location, DeviceSetup setup) {
        happened.add("device opened");
        device = new ToyDevice(setup);
        return device;
    }

    final class ToyDevice implements HostedDevice {
        private final DeviceSetup setup;
        private volatile boolean lost;

        ToyDevice(DeviceSetup setup) {
            this.setup = setup;
        }

        void lose() {
            lost = true;
        }

        @Override
        public void onLost(Runnable listener) {
            if (losesItself) {
                lost = true;
                listener.run();
            }
        }

        @Override
        public void close() {
            happened.add("device closed");
        }

        @Override
        public String name() {
            return setup.name();
        }

        @Override
        public DeviceId id() {
            return new DeviceId("toy", DeviceId.ANY, type);
        }

        @Override
        public Dma dma() {
            return setup.services().main();
        }

        @Override
        public PagePool pages() {
            throw new UnsupportedOperationException("a toy has no pages");
        }

        @Override
        public Registers registers(int region) {
            throw new UnsupportedOperationException("a toy has no registers");
        }

        @Override
        public QueueTransport queues() {
            throw new UnsupportedOperationException("a toy has no queues");
        }

        @Override
        public Interrupt interrupt(int vector, BooleanSupplier hasWork) {
            throw new UnsupportedOperationException("a toy has no interrupts");
        }

        @Override
        public boolean isLost() {
            return lost;
        }
    }
}
