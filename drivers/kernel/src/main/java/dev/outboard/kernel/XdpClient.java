package dev.outboard.kernel;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.uio.Resources;
import dev.outboard.uio.net.KernelInterface;
import dev.outboard.uio.net.XdpProgram;
import java.util.ArrayList;
import java.util.List;

/**
 * Joins a network driver to an interface of the kernel's by AF_XDP, beside the kernel's stack:
 * {@code outboard run net --xdp NAME}. What the interface receives the device sends, and the other
 * way round. Runs until it is stopped, or one of both is gone.
 */
public final class XdpClient implements Client {
    /** For the service loader. */
    public XdpClient() {}

    @Override
    public String name() {
        return "xdp";
    }

    @Override
    public String help() {
        return "joins the driver to an interface of the kernel's by AF_XDP: " + XdpOptions.HELP;
    }

    @Override
    public Class<NetworkService> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        NetworkService network = (NetworkService) service;
        XdpOptions options = XdpOptions.of(context);
        Resources resources = new Resources();
        try {
            KernelInterface link = resources.add(KernelInterface.of(options.name()));
            if (!link.isThere()) {
                throw new IllegalArgumentException(
                        "there is no interface '%s': ip link shows those there are"
                                .formatted(options.name()));
            }
            int queues = options.queue() + network.queuePairs();
            XdpProgram program = resources.add(XdpProgram.attach(link, queues, options.place()));
            // The interface is to receive what is for others than itself, too.
            resources.add(link.receiveAll());
            receiveAll(network);
            List<XdpPair> pairs = new ArrayList<>();
            for (int pair = 0; pair < network.queuePairs(); pair++) {
                pairs.add(
                        resources.add(new XdpPair(link, program, options, network, pair, context)));
            }
            context.result("native", program.isNative());
            context.result("zeroCopy", pairs.getFirst().isZeroCopy());
            try {
                new JointThreads(pairs, context).run();
            } finally {
                context.result("dropped", pairs.stream().mapToLong(XdpPair::dropped).sum());
            }
        } catch (RuntimeException failed) {
            resources.closeAfter(failed);
            throw failed;
        }
        resources.close();
    }

    /** Behind the interface are others' addresses; a device that cannot be told hears all. */
    private static void receiveAll(NetworkService network) {
        try {
            network.receiveAll(true);
        } catch (UnsupportedOperationException cannot) {
            // As a switch's port: it sends what it does not know to everybody.
        }
    }
}
