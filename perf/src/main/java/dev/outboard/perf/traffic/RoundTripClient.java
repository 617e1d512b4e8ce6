package dev.outboard.perf.traffic;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.perf.measure.ClientOptions;
import dev.outboard.perf.measure.Measurement;
import dev.outboard.perf.measure.Results;
import dev.outboard.uio.ProcessControl;
import java.util.Set;

/** {@code net-rtt}: one frame at a time to whoever sends it back, and how long it took. */
public final class RoundTripClient implements Client {
    /** For the service loader. */
    public RoundTripClient() {}

    @Override
    public String name() {
        return "net-rtt";
    }

    @Override
    public String help() {
        return "times frames to whoever sends them back, as forward does, one at a time: size=64"
                + " count=0 (no limit) millis=1000 warmupMillis=500 to=MAC cpu=ANY watch.NAME=PID";
    }

    @Override
    public Class<? extends Service> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var options =
                new ClientOptions(
                        context.options(),
                        Set.of("size", "count", "millis", "warmupMillis", "to", "cpu"));
        var port = (NetworkService) service;
        var template =
                new FrameTemplate(
                        TrafficOptions.size(options, port),
                        TrafficOptions.destination(context.options()),
                        port.macAddress(),
                        TrafficOptions.session());
        var trips =
                new RoundTrips(
                        port.transmitQueue(0),
                        port.receiveQueue(0),
                        template,
                        Times.histogram(),
                        context::isStopping);
        int processor = TrafficOptions.processor(options);
        if (processor >= 0) {
            ProcessControl.pinThread(processor);
        }
        context.ready();
        trips.run(options.nanos("warmupMillis", 500), 0);
        trips.times().reset();
        long lostBefore = trips.lost();
        var measured = new Measurement(options.watched());
        measured.start();
        long back =
                trips.run(
                        options.nanos("millis", 1000),
                        options.number("count", 0, 0, Long.MAX_VALUE));
        measured.stop();
        var row =
                new Results()
                        .put("sizeBytes", template.lengthBytes())
                        .put("roundTrips", back)
                        .put("lostFrames", trips.lost() - lostBefore)
                        .put("interrupts", port.receiveQueue(0).interrupts())
                        .put(
                                "allocatedBytesPerRoundTrip",
                                back == 0 ? 0 : (double) measured.allocatedBytes() / back);
        Times.percentiles("roundTrip", trips.times()).forEach(row::put);
        row.put(measured).fields().forEach(context::result);
        context.result(ClientContext.VERIFIED, back > 0);
    }
}
