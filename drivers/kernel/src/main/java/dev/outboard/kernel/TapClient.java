package dev.outboard.kernel;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.net.TapInterface;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Joins a network driver to the kernel's network stack as a TAP interface of a name: {@code
 * outboard run net --tap NAME}. Runs until it is stopped, or one of both is gone.
 */
public final class TapClient implements Client {
    /** For the service loader. */
    public TapClient() {}

    @Override
    public String name() {
        return "tap";
    }

    @Override
    public String help() {
        return "joins the driver to the kernel's stack as an interface: " + TapOptions.HELP;
    }

    @Override
    public Class<NetworkService> service() {
        return NetworkService.class;
    }

    @Override
    public int receiveOffloads(Map<String, String> options) {
        return !"off".equals(options.get("offloads"))
                ? FrameOffload.UNSUMMED | FrameOffload.MERGED_IPV4 | FrameOffload.MERGED_IPV6
                : 0;
    }

    @Override
    public void run(Service service, ClientContext context) {
        NetworkService network = (NetworkService) service;
        TapOptions options = TapOptions.of(context);
        try (TapInterface tap = TapInterface.open(options.name(), network.queuePairs())) {
            int offloads = agree(tap, network, options);
            dress(tap, network, options);
            network.onLink(new TapLink(tap));
            tap.setCarrier(network.isLinkUp());
            try {
                List<TapPair> pairs = new ArrayList<>();
                for (int pair = 0; pair < tap.queueCount(); pair++) {
                    pairs.add(new TapPair(tap.queue(pair), network, pair, context, offloads));
                }
                new JointThreads(pairs, context).run();
            } finally {
                network.onLink(null);
            }
        }
    }

    /** What the kernel may leave to the device. */
    private static int agree(TapInterface tap, NetworkService network, TapOptions options) {
        int able = options.mayOffload() ? network.offloads() : 0;
        if ((able & FrameOffload.CHECKSUM) == 0) {
            tap.setOffloads(0);
            return 0;
        }
        int wanted = TapInterface.SUMS;
        int offloads = FrameOffload.CHECKSUM;
        if ((able & FrameOffload.SEGMENTS_IPV4) != 0) {
            wanted |= TapInterface.TCP_IPV4;
            offloads |= FrameOffload.SEGMENTS_IPV4;
        }
        if ((able & FrameOffload.SEGMENTS_IPV6) != 0) {
            wanted |= TapInterface.TCP_IPV6;
            offloads |= FrameOffload.SEGMENTS_IPV6;
        }
        tap.setOffloads(wanted);
        return offloads;
    }

    /** Gives the interface what is the driver's: address, size of frames. */
    private static void dress(TapInterface tap, NetworkService network, TapOptions options) {
        byte[] address = network.macAddress();
        if (!Arrays.equals(address, tap.kernel().macAddress())) {
            tap.setMacAddress(address);
        }
        setMtu(tap, network.mtuBytes());
        if (options.stays()) {
            tap.setPersistent(true);
        }
        if (options.bringUp() && !tap.kernel().isUp()) {
            try {
                tap.kernel().bringUp();
            } catch (NativeException refused) {
                throw new DeviceException(
                        ("the interface %s is down, and only an administrator of the network can"
                                        + " change that: sudo ip link set %s up, or leave it so"
                                        + " with -o up=0")
                                .formatted(options.name(), options.name()),
                        refused);
            }
        }
    }

    /** Longer frames than the device takes would be lost; shorter ones do no harm. */
    private static void setMtu(TapInterface tap, int mtuBytes) {
        int before = tap.kernel().mtuBytes();
        if (before == mtuBytes) {
            return;
        }
        try {
            tap.kernel().setMtuBytes(mtuBytes);
        } catch (NativeException refused) {
            if (before > mtuBytes) {
                throw new DeviceException(
                        ("the interface %s sends packets of %d bytes and the device takes %d: sudo"
                                        + " ip link set %s mtu %d")
                                .formatted(
                                        tap.kernel().name(),
                                        before,
                                        mtuBytes,
                                        tap.kernel().name(),
                                        mtuBytes),
                        refused);
            }
        }
    }
}
