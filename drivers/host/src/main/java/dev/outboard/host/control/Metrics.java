package dev.outboard.host.control;

import dev.outboard.host.event.Event;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A status as Prometheus reads it: what is a number there is a metric here, by the table below. Who
 * has two drivers tells them apart by the label {@code name}. Stateless; any thread.
 */
final class Metrics {
    /** What is written, and in which version. */
    static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

    private static final int FIRST_BYTES = 4096;
    private static final double NANOS_A_SECOND = 1e9;

    /** Where the numbers of a driver are, and what they are called. */
    private static final List<Row> DRIVER =
            List.of(
                    gauge("memory.frames", "memory_frames", "Pages of physical memory"),
                    gauge("memory.allocatedFrames", "memory_allocated_frames", "Pages in use"),
                    gauge("memory.mappedFrames", "memory_mapped_frames", "Pages mapped"),
                    gauge("memory.freeFrames", "memory_free_frames", "Pages not in use"),
                    gauge(
                            "memory.heldFrames",
                            "memory_held_frames",
                            "Pages given back that a device may still reach"),
                    gauge("dma.liveMappings", "dma_mappings", "Mappings made and not undone"),
                    gauge("dma.livePages", "dma_mapped_pages", "Pages under them"),
                    gauge(
                            "dma.staleEntries",
                            "dma_stale_pages",
                            "Pages unmapped whose IOVA may still work"),
                    gauge(
                            "dma.windowEntries",
                            "dma_window_pages",
                            "The most such pages at any moment"),
                    seconds("dma.windowNanos", "dma_window_seconds", "The longest such a time"),
                    counter("dma.maps", "dma_maps", "Mappings made"),
                    counter("dma.unmaps", "dma_unmaps", "Mappings undone"),
                    counter("dma.flushes", "dma_flushes", "Flushes asked of devices"),
                    counter("faults", "faults", "Accesses that the IOMMU refused"),
                    counter("iotlb.translations", "iotlb_translations", "Addresses translated"),
                    counter("iotlb.hits", "iotlb_hits", "Translations found in the IOTLB"),
                    counter("iotlb.misses", "iotlb_misses", "Translations looked up"),
                    counter("iotlb.evictions", "iotlb_evictions", "Entries that made room"),
                    counter("iotlb.invalidations", "iotlb_invalidations", "Entries dropped"),
                    counter("plugs", "memory_plugs", "Segments plugged from outside"),
                    counter("unplugs", "memory_unplugs", "Unplugs done from outside"),
                    counter("unplugsRefused", "memory_unplugs_refused", "Unplugs refused"),
                    gauge("pool.level", "pool_level_pages", "Pages ready in the page pool"),
                    gauge("pool.pages", "pool_pages", "Pages that the pool has, taken ones too"),
                    counter("pool.taken", "pool_taken", "Pages handed out"),
                    counter("pool.starvations", "pool_starvations", "No page for the pool"),
                    gauge("pool.lowMark", "pool_low_mark_pages", "Below it the pool refills"),
                    gauge("pool.highMark", "pool_high_mark_pages", "Above it the pool shrinks"),
                    counter("pool.refusals", "pool_refusals", "Pages that could not be had"),
                    counter("pool.slowDowns", "pool_slow_downs", "Takers told to slow down"));

    /** The same of a segment. */
    private static final List<Row> SEGMENT =
            List.of(
                    gauge("presentBytes", "segment_bytes", "Bytes of a physical segment"),
                    gauge("freeBytes", "segment_free_bytes", "Bytes of it not in use"),
                    gauge("allocatedBytes", "segment_allocated_bytes", "Bytes of it in use"),
                    gauge("mappedBytes", "segment_mapped_bytes", "Bytes of it that are mapped"),
                    gauge("pieces", "segment_pieces", "Contiguous pieces of it"),
                    gauge("longestRunBytes", "segment_longest_run_bytes", "Its longest free run"),
                    gauge(
                            "superpageShare",
                            "segment_superpage_share_ratio",
                            "Share of its free bytes in whole runs of 2 MiB"));

    /** The same of a mediator. */
    private static final List<Row> MEDIATOR =
            List.of(gauge("memoryBytes", "mediator_memory_bytes", "Memory for all drivers"));

    /** The same of a mediator's client. */
    private static final List<Row> CLIENT =
            List.of(
                    counter("backOffs", "client_back_offs", "Waits because of a refusal"),
                    counter("refusedMessages", "client_refused_messages", "Messages refused"));

    /** The same of a client's use of one resource. */
    private static final List<Row> QUOTA =
            List.of(
                    gauge("usage", "client_usage", "In use by a client"),
                    gauge("maximum", "client_usage_maximum", "The most that was in use"),
                    gauge("barrier", "client_barrier", "Ordinary use ends here"),
                    gauge("limit", "client_limit", "All use ends here"),
                    counter("failures", "client_quota_failures", "Requests that went beyond"));

    private static final List<String> RESOURCES = List.of("frames", "entries", "mappings");

    /** One number of a status, and its metric. */
    private record Row(String path, String name, String help, boolean counts, double divisor) {}

    private static Row gauge(String path, String name, String help) {
        return new Row(path, name, help, false, 1);
    }

    private static Row seconds(String path, String name, String help) {
        return new Row(path, name, help, false, NANOS_A_SECOND);
    }

    private static Row counter(String path, String name, String help) {
        return new Row(path, name, help, true, 1);
    }

    /** Something that has numbers, and what tells it from others like it. */
    private record Item(Map<?, ?> fields, Labels labels) {}

    private Metrics() {}

    /** The text of all metrics of a status. */
    static String write(Event status) {
        var metrics = new ArrayList<MetricSnapshot>();
        var name = Fields.text(status.fields(), "name");
        if ("mediator".equals(status.fields().get("kind"))) {
            var self = List.of(new Item(status.fields(), Labels.of("name", name)));
            add(metrics, MEDIATOR, self);
            var clients = clients(status);
            add(metrics, CLIENT, clients);
            add(metrics, QUOTA, quotas(clients));
        } else {
            var self = List.of(new Item(status.fields(), labels(status.fields())));
            add(metrics, DRIVER, self);
            add(metrics, SEGMENT, segments(status, name));
        }
        var text = new ByteArrayOutputStream(FIRST_BYTES);
        try {
            PrometheusTextFormatWriter.create().write(text, new MetricSnapshots(metrics));
        } catch (IOException e) {
            throw new UncheckedIOException("a text in memory could not be written", e);
        }
        return text.toString(StandardCharsets.UTF_8);
    }

    private static Labels labels(Map<?, ?> fields) {
        return Labels.of(
                "name", Fields.text(fields, "name"),
                "driver", Fields.text(fields, "driver"),
                "owner", Fields.text(fields, "owner"),
                "strategy", Fields.text(fields, "strategy"));
    }

    private static List<Item> segments(Event status, String name) {
        return Fields.maps(status.fields(), "memory.segments").stream()
                .map(
                        segment ->
                                new Item(
                                        segment,
                                        Labels.of(
                                                "name", name,
                                                "address", Fields.text(segment, "address"),
                                                "pages", Fields.text(segment, "pages"))))
                .toList();
    }

    private static List<Item> clients(Event status) {
        return Fields.maps(status.fields(), "clients").stream()
                .map(client -> new Item(client, Labels.of("client", Fields.text(client, "name"))))
                .toList();
    }

    private static List<Item> quotas(List<Item> clients) {
        var items = new ArrayList<Item>();
        for (var client : clients) {
            for (var resource : RESOURCES) {
                if (client.fields.get(resource) instanceof Map<?, ?> quota) {
                    items.add(new Item(quota, client.labels.add("resource", resource)));
                }
            }
        }
        return items;
    }

    /** What no item has is no metric: a driver without an IOMMU has no IOTLB. */
    private static void add(List<MetricSnapshot> metrics, List<Row> rows, List<Item> items) {
        for (var row : rows) {
            var has =
                    items.stream()
                            .filter(item -> Fields.at(item.fields, row.path) instanceof Number)
                            .toList();
            if (!has.isEmpty()) {
                metrics.add(row.counts ? counterOf(row, has) : gaugeOf(row, has));
            }
        }
    }

    private static MetricSnapshot gaugeOf(Row row, List<Item> items) {
        var metric = GaugeSnapshot.builder().name("outboard_" + row.name).help(row.help);
        for (var item : items) {
            metric.dataPoint(
                    GaugeDataPointSnapshot.builder()
                            .value(value(row, item))
                            .labels(item.labels)
                            .build());
        }
        return metric.build();
    }

    private static MetricSnapshot counterOf(Row row, List<Item> items) {
        var metric = CounterSnapshot.builder().name("outboard_" + row.name).help(row.help);
        for (var item : items) {
            metric.dataPoint(
                    CounterDataPointSnapshot.builder()
                            .value(value(row, item))
                            .labels(item.labels)
                            .build());
        }
        return metric.build();
    }

    private static double value(Row row, Item item) {
        return ((Number) Fields.at(item.fields, row.path)).doubleValue() / row.divisor;
    }
}
