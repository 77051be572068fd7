from tests.browser.pages import address
from tests.browser.people import let_in
def test_s(browser, base_url, world):
    for scheme,w in (("dark",390),("light",1280)):
        c=browser.new_context(base_url=base_url,color_scheme=scheme,viewport={"width":w,"height":844}); let_in(c, world.alice); p=c.new_page()
        for n in ("setup:events","debugger:list","connections:detail","home"):
            p.goto(address(n, world)); p.set_viewport_size({"width":w,"height":min(p.evaluate("document.documentElement.scrollHeight"),2200)}); p.screenshot(path=f"/tmp/shot-{n.replace(':','_')}-{w}.png")
        c.close()
