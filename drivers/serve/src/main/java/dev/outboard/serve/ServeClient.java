package dev.outboard.serve;

import dev.outboard.backend.DeviceWork;
import dev.outboard.backend.PortSettings;
import dev.outboard.backend.VhostPort;
import dev.outboard.backend.loop.Counters;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.FrameQueue;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.Resources;
import java.util.List;
import java.util.Map;

/**
 * Offers the driver's interface to another process, as a vhost-user back-end: {@code outboard run
 * net --serve PATH}. Clients come and go; it runs until it is stopped, or the device is gone.
 */
public final class ServeClient implements Client {
    /** For the service loader. */
    public ServeClient() {}

    @Override
    public String name() {
        return "serve";
    }

    @Override
    public String help() {
        return ServeOptions.HELP;
    }

    @Override
    public Class<NetworkService> service() {
        return NetworkService.class;
    }

    @Override
    public int receiveOffloads(Map<String, String> options) {
        return "off".equals(options.get("offloads")) ? 0 : FrameOffload.UNSUMMED;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var network = (NetworkService) service;
        var options = ServeOptions.of(context);
        var resources = new Resources();
        try {
            serve(network, context, options, resources);
        } catch (RuntimeException e) {
            resources.closeAfter(e);
            throw e;
        }
        resources.close();
    }

    private static void serve(
            NetworkService network,
            ClientContext context,
            ServeOptions options,
            Resources resources) {
        TransmitQueue transmit = network.transmitQueue(0);
        ReceiveQueue receive = network.receiveQueue(0);
        var counters = new Counters(ServeCounters.COUNT);
        var loop = resources.add(new DeviceLoop(context.device().waiting()));
        var regions = resources.add(regions(options, context));
        var outbound = resources.add(new Outbound(transmit, regions, counters, context));
        regions.beforeEnd(() -> outbound.drain(ServeEngine.DRAIN_NANOS));
        var inbound = new Inbound(receive, counters);
        var engine = new ServeEngine(loop, transmit, receive, outbound, inbound);
        var device = new ServedPort(network, options, regions, engine::forgetClient, engine::letGo);
        engine.serve(device);
        var settings =
                new PortSettings(
                        options.path().getFileName().toString(), options.path(), null, 0, null);
        var port = resources.add(new VhostPort(loop, settings, device));
        watch(loop, transmit, receive, resources);
        context.ready();
        loop.run(new ServeWork(new DeviceWork(engine, List.of(port)), engine, loop, context));
        report(context, counters, regions, device, port);
        if (engine.failure() != null) {
            throw engine.failure();
        }
    }

    private static LentRegions regions(ServeOptions options, ClientContext context) {
        if (options.lends()) {
            return new LentRegions(context::borrow);
        }
        return new LentRegions(
                file -> {
                    file.close();
                    throw new IllegalStateException("grant=never");
                });
    }

    /** The loop wakes for the driver's interrupts; what they mean its work finds out. */
    private static void watch(
            DeviceLoop loop, TransmitQueue transmit, ReceiveQueue receive, Resources resources) {
        for (FrameQueue queue : List.of(transmit, receive)) {
            int token = loop.watch(queue.descriptor(), Epoll.READABLE, events -> {});
            resources.add(() -> loop.unwatch(queue.descriptor(), token));
        }
    }

    private static void report(
            ClientContext context,
            Counters counters,
            LentRegions regions,
            ServedPort device,
            VhostPort port) {
        context.result("clients", device.clients());
        context.result("sentFrames", counters.get(ServeCounters.SENT_FRAMES));
        context.result("sentBytes", counters.get(ServeCounters.SENT_BYTES));
        context.result("lentFrames", counters.get(ServeCounters.LENT_FRAMES));
        context.result("copiedFrames", counters.get(ServeCounters.COPIED_FRAMES));
        context.result("receivedFrames", counters.get(ServeCounters.RECEIVED_FRAMES));
        context.result("receivedBytes", counters.get(ServeCounters.RECEIVED_BYTES));
        context.result("malformed", counters.get(ServeCounters.MALFORMED));
        context.result("faults", counters.get(ServeCounters.FAULTS));
        context.result("unfit", counters.get(ServeCounters.UNFIT));
        context.result("noBuffer", counters.get(ServeCounters.NO_BUFFER));
        context.result("mostLentBytes", regions.mostLentBytes());
        if (!regions.reasons().isEmpty()) {
            context.result("copiedBecause", String.join("; ", regions.reasons()));
        }
        if (port.disconnections() > 0) {
            context.result("lastDisconnection", port.lastReason());
        }
    }
}
