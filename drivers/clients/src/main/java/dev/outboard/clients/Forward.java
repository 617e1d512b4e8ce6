package dev.outboard.clients;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.QueueThreads;

/**
 * Sends every frame back to where it came from: on each pair of queues what it receives, in the
 * order in which it came.
 */
public final class Forward implements Client {
    /** For the service loader. */
    public Forward() {}

    @Override
    public String name() {
        return "forward";
    }

    @Override
    public String help() {
        return "sends every frame back: mode=mac (to its sender, from this interface; io: as it is)"
                + " burst=32";
    }

    @Override
    public Class<NetworkService> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var port = (NetworkService) service;
        var mode = context.options().getOrDefault("mode", "mac");
        if (!mode.equals("mac") && !mode.equals("io")) {
            throw new IllegalArgumentException("option mode=" + mode + ": take mac or io");
        }
        int burst = (int) NetOptions.number(context, "burst", 32, 1, 1024);
        var forwarders = new QueueForwarder[port.queuePairs()];
        for (int pair = 0; pair < forwarders.length; pair++) {
            forwarders[pair] =
                    new QueueForwarder(
                            port.receiveQueue(pair),
                            port.transmitQueue(pair),
                            mode.equals("mac") ? port.macAddress() : null,
                            burst);
        }
        context.ready();
        QueueThreads.run(forwarders.length, pair -> forwarders[pair].run(context));
        long forwarded = 0;
        long dropped = 0;
        for (var forwarder : forwarders) {
            forwarded += forwarder.forwarded();
            dropped += forwarder.dropped();
        }
        context.result("forwardedFrames", forwarded);
        context.result("droppedFrames", dropped);
    }
}
