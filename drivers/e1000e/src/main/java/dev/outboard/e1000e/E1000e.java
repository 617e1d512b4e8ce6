package dev.outboard.e1000e;

import dev.outboard.dma.Dma;
import dev.outboard.driver.Device;
import dev.outboard.driver.Notice;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.LinkListener;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.NetworkStatistics;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.frames.FrameBuffers;
import dev.outboard.frames.FrameReceiver;
import dev.outboard.frames.FrameTransmitter;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.Resources;
import dev.outboard.uio.WaitPolicy;
import java.util.HexFormat;
import java.util.function.Consumer;

/** A running controller: its two queues, its link. */
final class E1000e implements NetworkService {
    static final int FILL_VECTOR = 0;
    static final int SEND_VECTOR = 1;
    static final int OTHER_VECTOR = 2;
    static final int VECTORS = 3;

    /** A frame may take a context and a part. */
    private static final int RING_ENTRIES = 512;

    private static final int BUFFERS = 256;
    private static final int MTU_BYTES = 1500;

    /** Two addresses, a tag of a VLAN, a type. */
    private static final int MOST_HEADER_BYTES = 18;

    /** What the device takes a buffer to be long, and writes at most (10.2.5.1). */
    private static final int FILL_BYTES = 2048;

    private static final int OFFLOADS =
            FrameOffload.CHECKSUM
                    | FrameOffload.SEGMENTS_IPV4
                    | FrameOffload.SEGMENTS_IPV6
                    | FrameOffload.RECEIVED_CHECKSUM;

    private static final String[] SPEEDS = {"10", "100", "1000", "1000"};

    private final Resources resources;
    private final Controller controller;
    private final FrameReceiver receive;
    private final FrameTransmitter transmit;
    private final CauseThread causes;
    private final Counters counters;

    private E1000e(Device device, Resources resources) {
        this.resources = resources;
        Dma dma = device.dma();
        controller = resources.add(new Controller(device, device.vectors() >= VECTORS));
        counters = new Counters(controller.registers());
        FrameBuffers empty = resources.add(new FrameBuffers(dma, BUFFERS, 0, FILL_BYTES));
        FillRing fill = resources.add(new FillRing(device, controller, dma, RING_ENTRIES));
        receive = resources.add(new FrameReceiver(dma, fill, empty));
        FrameBuffers full =
                resources.add(new FrameBuffers(dma, BUFFERS, 0, MOST_HEADER_BYTES + MTU_BYTES));
        SendRing send = resources.add(new SendRing(device, controller, dma, RING_ENTRIES));
        transmit = resources.add(new FrameTransmitter(dma, send, full, OFFLOADS));
        EventDescriptor filled = claim(device, fill, FILL_VECTOR);
        EventDescriptor sent = claim(device, send, SEND_VECTOR);
        causes = resources.add(new CauseThread(device, controller, fill, send, filled, sent));
    }

    /**
     * Gives a ring its interrupt.
     *
     * @return what wakes its waiter, where the device has one vector for all; else null
     */
    private EventDescriptor claim(Device device, ControllerRing ring, int vector) {
        if (controller.hasVectors()) {
            ring.claim(device.interrupt(vector, ring));
            return null;
        }
        EventDescriptor event = EventDescriptor.create();
        EventDescriptor woken =
                resources.add(EventDescriptor.adopt(event.descriptor().duplicate()));
        ring.claim(
                Interrupt.open(device.name() + " ring " + vector, ring, event, WaitPolicy.DEFAULT));
        return woken;
    }

    static E1000e start(Device device) {
        Resources resources = new Resources();
        try {
            E1000e net = new E1000e(device, resources);
            net.receive.start();
            net.transmit.start();
            net.causes.start();
            return net;
        } catch (RuntimeException failure) {
            resources.closeAfter(failure);
            throw failure;
        }
    }

    @Override
    public String describe() {
        int status = controller.status();
        return "e1000e %s, mtu %d, link %s, %d buffers each way, %s"
                .formatted(
                        HexFormat.ofDelimiter(":").formatHex(controller.address()),
                        MTU_BYTES,
                        (status & E1000eDescriptor.STATUS_LINK_UP) == 0 ? "down" : speed(status),
                        BUFFERS,
                        controller.hasVectors() ? "a vector each" : "one vector for all");
    }

    private static String speed(int status) {
        return "up with %s Mb/s %s duplex"
                .formatted(
                        SPEEDS[status >>> E1000eDescriptor.STATUS_SPEED_SHIFT & 3],
                        (status & E1000eDescriptor.STATUS_FULL_DUPLEX) != 0 ? "full" : "half");
    }

    @Override
    public byte[] macAddress() {
        return controller.address().clone();
    }

    @Override
    public int mtuBytes() {
        return MTU_BYTES;
    }

    @Override
    public boolean isLinkUp() {
        return causes.isUp();
    }

    @Override
    public void onLink(LinkListener listener) {
        causes.onLink(listener);
    }

    @Override
    public void onNotice(Consumer<Notice> listener) {
        controller.onNotice(listener);
    }

    @Override
    public int offloads() {
        return OFFLOADS;
    }

    @Override
    public void receiveAll(boolean isWanted) {
        controller.receiveAll(isWanted);
    }

    @Override
    public NetworkStatistics statistics() {
        return counters.read();
    }

    @Override
    public int queuePairs() {
        return 1;
    }

    @Override
    public TransmitQueue transmitQueue(int pair) {
        checkPair(pair);
        return transmit;
    }

    @Override
    public ReceiveQueue receiveQueue(int pair) {
        checkPair(pair);
        return receive;
    }

    private static void checkPair(int pair) {
        if (pair != 0) {
            throw new IllegalArgumentException("pair=" + pair + ": there is only pair 0");
        }
    }

    @Override
    public void close() {
        resources.close();
    }
}
