#!/usr/bin/env python3
# Visits every page of a site, each once: worker threads and a queue of addresses.
# usage: crawl.py URL [WORKERS]
import html.parser
import queue
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request


class LinkFinder(html.parser.HTMLParser):
    def __init__(self):
        html.parser.HTMLParser.__init__(self)
        self.links = []

    def handle_starttag(self, tag, attrs):
        for key, value in attrs:
            if tag == "a" and key == "href":
                self.links.append(value)


class Crawler:
    def __init__(self, start, workers):
        self.site = urllib.parse.urlparse(start).netloc
        self.todo = queue.Queue()
        self.mutex = threading.Lock()
        self.seen = set()
        self.report = {}
        self.add(start)
        for i in range(workers):
            threading.Thread(target=self.work, name="worker-%d" % i, daemon=True).start()

    def add(self, url):
        parts = urllib.parse.urlparse(url)
        with self.mutex:
            if parts.netloc == self.site and url not in self.seen:
                self.seen.add(url)
                self.todo.put(url)

    def work(self):
        while True:
            url = self.todo.get()
            try:
                self.visit(url)
            finally:
                self.todo.task_done()

    def visit(self, url):
        path = urllib.parse.urlparse(url).path
        try:
            response = urllib.request.urlopen(url, timeout=40)
            body = response.read().decode("utf-8")
        except urllib.error.HTTPError as e:
            e.close()
            self.report[path] = "error %d" % e.code
            return
        finder = LinkFinder()
        finder.feed(body)
        self.report[path] = "%d links: %s" % (len(finder.links), body.split("<")[0])
        for link in finder.links:
            self.add(urllib.parse.urljoin(url, link))


def main(argv):
    crawler = Crawler(argv[1], int(argv[2]) if len(argv) > 2 else 25)
    crawler.todo.join()
    for path in sorted(crawler.report):
        print(path, crawler.report[path], flush=True)


if __name__ == "__main__":
    main(sys.argv)
