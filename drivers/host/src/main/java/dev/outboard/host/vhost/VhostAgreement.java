package dev.outboard.host.vhost;

import static dev.outboard.uio.vhost.VhostFeatures.PROTOCOL_BACKEND_REQ;
import static dev.outboard.uio.vhost.VhostFeatures.PROTOCOL_CONFIG;
import static dev.outboard.uio.vhost.VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS;
import static dev.outboard.uio.vhost.VhostFeatures.PROTOCOL_FEATURES;
import static dev.outboard.uio.vhost.VhostFeatures.PROTOCOL_MQ;
import static dev.outboard.uio.vhost.VhostFeatures.PROTOCOL_REPLY_ACK;

import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Match;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.uio.vhost.VhostFrontEnd;

/**
 * What front-end and back-end found out about each other.
 *
 * @param features the features that the device offers
 * @param protocolFeatures the protocol features that both have; 0 where the device knows none
 * @param queues how many queues the device has
 */
record VhostAgreement(long features, long protocolFeatures, int queues) {
    /** VIRTIO_F_ACCESS_PLATFORM (VIRTIO 1.2, section 6): addresses are IOVAs. */
    static final long ACCESS_PLATFORM = 1L << 33;

    /** Virtio's number for a network device (VIRTIO 1.2, section 5). */
    private static final int TYPE_NETWORK = 1;

    private static final int QUEUES_OF_PAIR = 2;

    /** VIRTIO_NET_F_CTRL_VQ (VIRTIO 1.2, section 5.1.3). */
    private static final long CONTROL_QUEUE = 1L << 17;

    private static final long SPOKEN =
            PROTOCOL_MQ | PROTOCOL_REPLY_ACK | PROTOCOL_CONFIG | PROTOCOL_CONFIGURE_MEM_SLOTS;

    /** What a device must speak whose IOTLB is fed: it asks, and it answers. */
    private static final long SPOKEN_BY_IOTLB = PROTOCOL_REPLY_ACK | PROTOCOL_BACKEND_REQ;

    /** Negotiates the protocol and takes the session. */
    static VhostAgreement reach(VhostLink link, VhostFrontEnd frontEnd, DeviceSetup setup) {
        link.tell("an owner", frontEnd::setOwner);
        long features = link.ask("its features", frontEnd::features);
        checkIommu(features, setup);
        long protocol = 0;
        if ((features & PROTOCOL_FEATURES) != 0) {
            long spoken =
                    SPOKEN
                            | (setup.isFed() ? SPOKEN_BY_IOTLB : 0)
                            | (setup.isTranslated() ? 0 : PROTOCOL_BACKEND_REQ);
            long offered = link.ask("its protocol features", frontEnd::protocolFeatures);
            checkOwner(offered, setup);
            protocol = offered & spoken;
            long accepted = protocol;
            link.tell("protocol features", () -> frontEnd.setProtocolFeatures(accepted));
        }
        checkIotlb(protocol, setup);
        int queues = queues(link, frontEnd, setup, protocol);
        return new VhostAgreement(
                features, protocol, queues + controlQueues(features, protocol, setup));
    }

    private static void checkIommu(long features, DeviceSetup setup) {
        if (setup.isTranslated() && (features & ACCESS_PLATFORM) == 0) {
            throw new DeviceException(
                    "device "
                            + setup.name()
                            + " has no IOMMU (it does not offer VIRTIO_F_ACCESS_PLATFORM): start it"
                            + (setup.isFed()
                                    ? " with an IOTLB of its own (DPDK's with iommu-support=1)"
                                    : " with iommu=PATH")
                            + " where it can, or run with --strategy off");
        }
    }

    /** A device that would ask us has no owner to attach to. */
    private static void checkOwner(long offered, DeviceSetup setup) {
        if (setup.isTranslated() && !setup.isFed() && (offered & PROTOCOL_BACKEND_REQ) != 0) {
            throw new DeviceException(
                    "device "
                            + setup.name()
                            + " has no IOMMU of an owner's (it asks its driver for translations):"
                            + " start it with iommu=PATH where it can, or run with --iommu device,"
                            + " or with --strategy off");
        }
    }

    private static void checkIotlb(long protocol, DeviceSetup setup) {
        if (setup.isFed() && (protocol & SPOKEN_BY_IOTLB) != SPOKEN_BY_IOTLB) {
            throw new DeviceException(
                    ("device %s cannot be fed with translations (protocol features 0x%x, without"
                                    + " REPLY_ACK or BACKEND_REQ): run without --iommu device")
                            .formatted(setup.name(), protocol));
        }
    }

    /** A network back-end counts pairs of queues, every other counts queues. */
    private static int queues(
            VhostLink link, VhostFrontEnd frontEnd, DeviceSetup setup, long protocol) {
        var told =
                (protocol & PROTOCOL_MQ) == 0
                        ? 1
                        : link.ask("its number of queues", frontEnd::queueCount);
        if (told < 1) {
            throw new DeviceException("device " + setup.name() + " has no queue: queues=" + told);
        }
        return isNetwork(setup.match()) ? told * QUEUES_OF_PAIR : told;
    }

    /**
     * One, for a network back-end with a configuration space of its own: others offer the feature,
     * too, and leave the queue to whoever is their front-end.
     */
    private static int controlQueues(long features, long protocol, DeviceSetup setup) {
        return isNetwork(setup.match())
                        && (features & CONTROL_QUEUE) != 0
                        && (protocol & PROTOCOL_CONFIG) != 0
                ? 1
                : 0;
    }

    private static boolean isNetwork(Match match) {
        return match.family().equals("virtio") && match.device() == TYPE_NETWORK;
    }

    boolean speaksProtocol() {
        return (features & PROTOCOL_FEATURES) != 0;
    }

    /** Whether the device can tell of changes of its configuration. */
    boolean tellsOfChanges() {
        return hasConfig() && (protocolFeatures & PROTOCOL_BACKEND_REQ) != 0;
    }

    boolean hasConfig() {
        return (protocolFeatures & PROTOCOL_CONFIG) != 0;
    }
}
