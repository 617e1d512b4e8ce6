package dev.outboard.clients;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.internet.Ipv4;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/** Pings a host, and says how long it took. */
public final class NetPing implements Client {
    private static final int MOST_COUNT = 65_535;
    private static final int HEADERS = 28;

    /** For the service loader. */
    public NetPing() {}

    @Override
    public String name() {
        return "net-ping";
    }

    @Override
    public String help() {
        return "pings a host: to=10.0.2.2 count=4 length=56 interval=100 timeout=1000 (ms) "
                + NetOptions.HELP;
    }

    @Override
    public Class<NetworkService> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        NetworkService network = (NetworkService) service;
        NetOptions options = NetOptions.of(context, "to", "10.0.2.2");
        int count = (int) NetOptions.number(context, "count", 4, 1, MOST_COUNT);
        int length =
                (int) NetOptions.number(context, "length", 56, 0, network.mtuBytes() - HEADERS);
        long intervalNanos =
                TimeUnit.MILLISECONDS.toNanos(
                        NetOptions.number(context, "interval", 100, 0, 3_600_000));
        long timeoutNanos =
                TimeUnit.MILLISECONDS.toNanos(
                        NetOptions.number(context, "timeout", 1_000, 1, 3_600_000));
        InternetHost host = new InternetHost(network, context, options.own(), options.mayOffload());
        context.ready();
        if (!host.find(options.neighbour())) {
            context.result("error", "nobody answers ARP for " + Ipv4.text(options.neighbour()));
            context.result(ClientContext.VERIFIED, false);
            return;
        }
        Echoes echoes = new Echoes(options.peer(), length);
        host.listen(echoes);
        int sent = 0;
        while (sent < count && !context.isStopping()) {
            if (sent > 0) {
                pause(host, System.nanoTime() + intervalNanos);
            }
            sent++;
            echoes.sent(host, sent);
            long deadline = System.nanoTime() + timeoutNanos;
            while (echoes.isWaiting() && host.step(deadline)) {
                // The answer comes to the listener.
            }
        }
        echoes.report(context, sent);
        context.result("dropped", host.dropped());
    }

    private static void pause(InternetHost host, long deadline) {
        while (host.step(deadline)) {
            // Others may ask meanwhile.
        }
    }

    /** What was asked, and what came back. */
    private static final class Echoes implements PacketListener {
        private final int peer;
        private final int id;
        private final byte[] payload;
        private int number;
        private boolean isWaiting;
        private long sentNanos;
        private int answered;
        private long leastNanos = Long.MAX_VALUE;
        private long mostNanos;
        private long sumNanos;

        Echoes(int peer, int length) {
            this.peer = peer;
            Random random = new Random();
            id = random.nextInt(1 << Short.SIZE);
            payload = new byte[length];
            random.nextBytes(payload);
        }

        void sent(InternetHost host, int next) {
            number = next;
            isWaiting = true;
            sentNanos = System.nanoTime();
            host.ping(peer, id, number, payload);
        }

        boolean isWaiting() {
            return isWaiting;
        }

        @Override
        public void onEchoReply(int from, int fromId, int fromNumber, ByteBuffer data) {
            byte[] bytes = new byte[data.remaining()];
            data.get(bytes);
            boolean isOurs = from == peer && fromId == id && fromNumber == number;
            if (isWaiting && isOurs && Arrays.equals(bytes, payload)) {
                long nanos = System.nanoTime() - sentNanos;
                isWaiting = false;
                answered++;
                leastNanos = Math.min(leastNanos, nanos);
                mostNanos = Math.max(mostNanos, nanos);
                sumNanos += nanos;
            }
        }

        void report(ClientContext context, int sent) {
            context.result("sent", sent);
            context.result("answered", answered);
            if (answered > 0) {
                context.result("leastMicros", leastNanos / 1000.0);
                context.result("meanMicros", sumNanos / answered / 1000.0);
                context.result("mostMicros", mostNanos / 1000.0);
            }
            context.result(ClientContext.VERIFIED, answered == sent);
        }
    }
}
